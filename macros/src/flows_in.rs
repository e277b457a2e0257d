//! The expansion of `flows_in!`: one `mod` for each file beside the calling one.
//!
//! The modules are declared by their plain names, so the call must stand in the folder it names; paths would put
//! this machine's folders into the program.

use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Ident, LitStr};

/// The files in which the call may stand.
const ROOTS: [&str; 3] = ["mod", "lib", "main"];

pub(crate) fn expand(input: TokenStream, caller: Option<PathBuf>) -> syn::Result<TokenStream> {
    let folder: LitStr = syn::parse2(input)
        .map_err(|error| syn::Error::new(error.span(), "name the folder: `flows_in!(\"src/flows\")`"))?;
    let wrong = |message: String| syn::Error::new(folder.span(), message);
    let root = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default();
    let path = root.join(folder.value());
    check_place(&folder, &path, caller.as_deref())?;
    let names = module_names(&path)
        .map_err(|error| wrong(format!("the folder '{}' of this crate cannot be read: {error}", folder.value())))?;
    let modules = names
        .iter()
        .map(|name| {
            syn::parse_str::<Ident>(name)
                .map_err(|_| wrong(format!("the file '{name}.rs' in '{}' has no name for a module", folder.value())))
        })
        .collect::<syn::Result<Vec<_>>>()?;
    Ok(quote!(#(mod #modules;)*))
}

/// In the wrong file the modules would be looked for elsewhere, with errors that nobody understands.
fn check_place(folder: &LitStr, path: &Path, caller: Option<&Path>) -> syn::Result<()> {
    // An editor may not know it.
    let Some(caller) = caller else { return Ok(()) };
    let same = match (caller.parent().map(fs::canonicalize), fs::canonicalize(path)) {
        (Some(Ok(here)), Ok(there)) => here == there,
        _ => true,
    };
    let is_root = caller.file_stem().is_some_and(|stem| ROOTS.iter().any(|root| stem == *root));
    if same && is_root {
        return Ok(());
    }
    let message = format!("`flows_in!(\"{0}\")` must stand in '{0}/mod.rs'", folder.value());
    Err(syn::Error::new(folder.span(), message))
}

/// Files `x.rs` and folders with an `x/mod.rs`, in the order of their names.
fn module_names(folder: &Path) -> std::io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let Some(stem) = path.file_stem().and_then(|stem| stem.to_str()) else { continue };
        let is_module = if path.is_dir() {
            path.join("mod.rs").is_file()
        } else {
            path.extension().is_some_and(|extension| extension == "rs") && !ROOTS.contains(&stem)
        };
        if is_module && !stem.starts_with('.') {
            names.push(stem.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::module_names;
    use std::fs;

    /// Goal: each flow's file is found, and what is no module is not.
    #[test]
    fn finds_modules() {
        let folder = std::env::temp_dir().join(format!("caudal-flows-in-{}", std::process::id()));
        fs::create_dir_all(folder.join("big")).unwrap();
        fs::create_dir_all(folder.join("data")).unwrap();
        for file in ["mod.rs", "lib.rs", "poem_flow.rs", "count_flow.rs", "notes.md", ".#hidden.rs", "big/mod.rs"] {
            fs::write(folder.join(file), "").unwrap();
        }
        let names = module_names(&folder).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(names, ["big", "count_flow", "poem_flow"]);
    }
}
