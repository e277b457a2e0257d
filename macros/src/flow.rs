//! The expansion of `#[flow]`: parse the options → check the signature → write the struct, its definition, its
//! registration.

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Attribute, ItemFn};

use crate::docs::{Docs, human_title};
use crate::options::Options;
use crate::signature::Signature;

pub(crate) fn expand(options: TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    let function: ItemFn = syn::parse2(item.clone())
        .map_err(|_| syn::Error::new_spanned(&item, "#[flow] belongs on an `async fn` outside of any `impl`"))?;
    let options = syn::parse2::<Options>(options);
    let signature = Signature::check(&function.sig);
    match (options, signature) {
        (Ok(options), Ok(signature)) => Ok(write(function, &options, &signature)),
        (Err(mut error), Err(other)) => {
            error.combine(other);
            Err(error)
        }
        (Err(error), Ok(_)) | (Ok(_), Err(error)) => Err(error),
    }
}

fn write(function: ItemFn, options: &Options, signature: &Signature) -> TokenStream {
    let name = function.sig.ident.clone();
    let visibility = &function.vis;
    let (docs, conditions, others) = sort_attributes(&function.attrs);
    let Signature { input, output } = signature;
    let input = match input {
        Some(input) => input.to_token_stream(),
        None => quote!(::caudal::private::NoInput),
    };
    let definition = definition(&name.unraw().to_string(), &Docs::of(&docs), options);
    let run = match signature.input {
        Some(_) => quote!(__run),
        None => quote!(|ctx, _input: ::caudal::private::NoInput| __run(ctx)),
    };
    // Errors about the types are shown where the author wrote them.
    let input_type = quote_spanned!(input.span()=> type Input = #input;);
    let output_type = quote_spanned!(output.span()=> type Output = #output;);
    let input_schema = schema(&input, "input_schema");
    let output_schema = schema(&output.to_token_stream(), "output_schema");
    let body = ItemFn {
        attrs: others.into_iter().cloned().collect(),
        vis: syn::Visibility::Inherited,
        sig: syn::Signature { ident: format_ident!("__run"), ..function.sig },
        ..function
    };
    quote! {
        #(#docs)*
        #(#conditions)*
        #[allow(non_camel_case_types, dead_code)]
        #[derive(Debug, Clone, Copy)]
        #visibility struct #name;

        #(#conditions)*
        const _: () = {
            #body

            #input_schema
            #output_schema

            fn __run_boxed<'a>(
                ctx: &'a mut ::caudal::private::FlowContext,
                input: &'a ::caudal::private::Json,
            ) -> ::caudal::private::RunFuture<'a> {
                ::caudal::private::run_boxed(ctx, input, #run)
            }

            static __DEFINITION: ::caudal::private::FlowDefinition = #definition;

            #[automatically_derived]
            impl ::caudal::private::Flow for #name {
                #input_type
                #output_type
                fn definition(&self) -> &'static ::caudal::private::FlowDefinition {
                    &__DEFINITION
                }
            }

            ::caudal::private::inventory::submit! {
                ::caudal::private::FlowRegistration(&__DEFINITION)
            }
        };
    }
}

fn definition(name: &str, docs: &Docs, options: &Options) -> TokenStream {
    let title = options.title.clone().unwrap_or_else(|| human_title(name));
    let Docs { summary, description } = docs;
    let Options { formerly, diagnostics, .. } = options;
    let version = options.version.unwrap_or(1);
    let retries = options.retries.unwrap_or(0);
    let timeout_ms = optional(options.timeout_ms);
    let deadline_ms = optional(options.deadline_ms);
    let concurrency = optional(options.concurrency);
    let notify_on_failure = optional(options.notify_on_failure.as_ref().map(|addresses| quote!(&[#(#addresses),*])));
    let max_cost = optional(options.max_cost);
    let max_tokens = optional(options.max_tokens);
    let needs = &options.needs;
    quote! {
        ::caudal::private::FlowDefinition {
            name: #name,
            title: #title,
            summary: #summary,
            description: #description,
            version: #version,
            formerly: &[#(#formerly),*],
            diagnostics: #diagnostics,
            location: ::core::concat!(::core::file!(), ":", ::core::line!()),
            options: ::caudal::private::OptionsSpec {
                timeout_ms: #timeout_ms,
                deadline_ms: #deadline_ms,
                retries: #retries,
                concurrency: #concurrency,
                notify_on_failure: #notify_on_failure,
                max_cost: #max_cost,
                max_tokens: #max_tokens,
            },
            needs: &[#(::caudal::private::Need::of::<#needs>()),*],
            input_schema: __input_schema,
            output_schema: __output_schema,
            run: __run_boxed,
        }
    }
}

fn schema(of: &TokenStream, name: &str) -> TokenStream {
    let name = format_ident!("__{name}");
    let call = quote_spanned!(of.span()=> ::caudal::private::schema_of::<#of>(&CELL));
    quote! {
        fn #name() -> &'static ::caudal::private::Json {
            static CELL: ::std::sync::OnceLock<::caudal::private::Json> = ::std::sync::OnceLock::new();
            #call
        }
    }
}

fn optional(value: Option<impl ToTokens>) -> TokenStream {
    match value {
        Some(value) => quote!(::core::option::Option::Some(#value)),
        None => quote!(::core::option::Option::None),
    }
}

/// The doc comment goes to the struct, `#[cfg]` to all that is written, the rest stays with the function.
fn sort_attributes(attributes: &[Attribute]) -> (Vec<&Attribute>, Vec<&Attribute>, Vec<&Attribute>) {
    let (docs, rest): (Vec<_>, Vec<_>) = attributes.iter().partition(|attribute| attribute.path().is_ident("doc"));
    let (conditions, others) = rest.into_iter().partition(|attribute| attribute.path().is_ident("cfg"));
    (docs, conditions, others)
}
