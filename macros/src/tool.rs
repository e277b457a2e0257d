//! The expansion of `#[tool]`: parse the options → check the signature → write the struct and its definition.

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::{FnArg, Ident, ItemFn, Path, ReturnType, Token, Type};

use crate::docs::{Docs, human_title};
use crate::options::{duration, flag, function, number, text};
use crate::signature::{is_context, is_step_context, result_of};

const FORM: &str = "`async fn name(step: StepContext, input: Input) -> FlowResult<Output>`";
const KNOWN: &str = "title, approval, effect, from_person, timeout, retries";

pub(crate) fn expand(options: TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    let function: ItemFn = syn::parse2(item.clone())
        .map_err(|_| syn::Error::new_spanned(&item, "#[tool] belongs on an `async fn` outside of any `impl`"))?;
    let options = syn::parse2::<Options>(options)?;
    let signature = Signature::check(&function.sig)?;
    let docs =
        Docs::of(&function.attrs.iter().filter(|attribute| attribute.path().is_ident("doc")).collect::<Vec<_>>());
    if docs.description.is_empty() {
        let message = "a tool needs a doc comment: by it the model decides when to use the tool";
        return Err(syn::Error::new_spanned(&function.sig.ident, message));
    }
    Ok(write(function, &options, &signature, &docs))
}

/// The options in `#[tool(…)]`.
#[derive(Default)]
struct Options {
    title: Option<String>,
    approval: bool,
    /// Says what a call would do, for whoever approves it.
    effect: Option<Path>,
    from_person: bool,
    timeout_ms: Option<u64>,
    retries: Option<u32>,
}

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut options = Self::default();
        while !input.is_empty() {
            let name: Ident = input.parse()?;
            match name.to_string().as_str() {
                "title" => options.title = Some(text(&name, input)?.value()),
                "approval" => options.approval = flag(input)?,
                "effect" => options.effect = Some(function(&name, input)?),
                "from_person" => options.from_person = flag(input)?,
                "timeout" => options.timeout_ms = Some(duration(&name, input)?),
                "retries" => options.retries = Some(number(&name, input, 0)?),
                _ => return Err(syn::Error::new(name.span(), format!("unknown option `{name}`; known are: {KNOWN}"))),
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(options)
    }
}

/// What the function takes before its input.
enum First {
    Nothing,
    Step,
    Flow,
}

struct Signature {
    first: First,
    input: Option<Type>,
    output: Type,
}

impl Signature {
    fn check(signature: &syn::Signature) -> syn::Result<Self> {
        if signature.asyncness.is_none() {
            return Err(syn::Error::new_spanned(signature.fn_token, "a tool is an `async fn`"));
        }
        if !signature.generics.params.is_empty() {
            return Err(syn::Error::new_spanned(
                &signature.generics,
                "a tool cannot be generic: a model knows it by its name",
            ));
        }
        let mut types = Vec::new();
        for parameter in &signature.inputs {
            match parameter {
                FnArg::Typed(typed) => types.push(&*typed.ty),
                FnArg::Receiver(receiver) => {
                    return Err(syn::Error::new_spanned(receiver, format!("a tool is a free function: {FORM}")));
                }
            }
        }
        let first = match types.first() {
            Some(first) if is_context(first) => First::Flow,
            Some(first) if is_step_context(first) => First::Step,
            _ => First::Nothing,
        };
        let rest = if matches!(first, First::Nothing) { &types[..] } else { &types[1..] };
        let input = match rest {
            [] => None,
            [Type::Reference(input)] => {
                return Err(syn::Error::new_spanned(
                    input,
                    "a tool's input is owned: it is read from what the model wrote",
                ));
            }
            [input] => Some((*input).clone()),
            [_, more, ..] => {
                let message =
                    "a tool takes one input; make a struct of what it needs (`#[derive(Deserialize, JsonSchema)]`)";
                return Err(syn::Error::new_spanned(more, message));
            }
        };
        let output = match &signature.output {
            ReturnType::Type(_, returned) => result_of(returned),
            ReturnType::Default => None,
        };
        let output = output.ok_or_else(|| {
            syn::Error::new_spanned(&signature.ident, format!("a tool returns `FlowResult<…>`: {FORM}"))
        })?;
        Ok(Self { first, input, output })
    }
}

fn write(function: ItemFn, options: &Options, signature: &Signature, docs: &Docs) -> TokenStream {
    let name = function.sig.ident.clone();
    let visibility = function.vis.clone();
    let (doc_attributes, others): (Vec<_>, Vec<_>) =
        function.attrs.iter().cloned().partition(|attribute| attribute.path().is_ident("doc"));
    let Signature { first, input, output } = signature;
    let input = input.as_ref().map_or_else(|| quote!(::caudal::private::NoInput), ToTokens::to_token_stream);
    let given = signature.input.as_ref().map(|_| quote!(input));
    let (call_with, run) = match first {
        First::Nothing => (quote!(_step: ::caudal::private::StepContext), quote!(__run(#given))),
        First::Step => (quote!(step: ::caudal::private::StepContext), quote!(__run(step, #given))),
        First::Flow => (quote!(ctx: &mut ::caudal::private::FlowContext), quote!(__run(ctx, #given))),
    };
    let (variant, erased) = match first {
        First::Flow => (
            quote!(InFlow),
            quote!(fn __erased<'a>(ctx: &'a mut ::caudal::private::FlowContext, arguments: ::caudal::private::Json) -> ::caudal::private::ToolFuture<'a>),
        ),
        First::Step => (
            quote!(InStep),
            quote!(fn __erased(step: ::caudal::private::StepContext, arguments: ::caudal::private::Json) -> ::caudal::private::ToolFuture<'static>),
        ),
        First::Nothing => (
            quote!(InStep),
            quote!(fn __erased(_step: ::caudal::private::StepContext, arguments: ::caudal::private::Json) -> ::caudal::private::ToolFuture<'static>),
        ),
    };
    let definition = definition(&name.unraw().to_string(), options, docs, &variant);
    let effect = options.effect.as_ref().map(|effect| {
        quote! {
            fn __effect(step: ::caudal::private::StepContext, arguments: ::caudal::private::Json) -> ::caudal::private::ToolFuture<'static> {
                ::std::boxed::Box::pin(async move {
                    let input: #input = ::caudal::private::tool_input(&arguments)?;
                    let said: ::std::string::String = #effect(step, input).await?;
                    ::caudal::private::tool_output(&said)
                })
            }
        }
    });
    let body = ItemFn {
        attrs: others,
        vis: syn::Visibility::Inherited,
        sig: syn::Signature { ident: format_ident!("__run"), ..function.sig },
        ..function
    };
    quote! {
        #(#doc_attributes)*
        #[allow(non_camel_case_types, dead_code)]
        #[derive(Debug, Clone, Copy)]
        #visibility struct #name;

        const _: () = {
            #body

            fn __input_schema() -> &'static ::caudal::private::Json {
                static CELL: ::std::sync::OnceLock<::caudal::private::Json> = ::std::sync::OnceLock::new();
                ::caudal::private::schema_of::<#input>(&CELL)
            }

            #erased {
                ::std::boxed::Box::pin(async move {
                    #[allow(unused_variables)]
                    let input: #input = ::caudal::private::tool_input(&arguments)?;
                    let output: #output = #run.await?;
                    ::caudal::private::tool_output(&output)
                })
            }

            #effect

            static __DEFINITION: ::caudal::private::ToolDefinition = #definition;

            impl #name {
                /// Calls it without a model.
                #[allow(dead_code, unused_variables, clippy::trivially_copy_pass_by_ref)]
                #visibility async fn call(self, #call_with, input: #input) -> ::caudal::private::FlowResult<#output> {
                    #run.await
                }
            }

            #[automatically_derived]
            impl ::caudal::private::Tool for #name {
                fn definition(&self) -> &'static ::caudal::private::ToolDefinition {
                    &__DEFINITION
                }
            }
        };
    }
}

fn definition(name: &str, options: &Options, docs: &Docs, variant: &TokenStream) -> TokenStream {
    let title = options.title.clone().unwrap_or_else(|| human_title(name));
    let description = &docs.description;
    let approval = options.approval;
    let retries = options.retries.unwrap_or(2);
    let effect = match options.effect {
        Some(_) => quote!(::core::option::Option::Some(__effect)),
        None => quote!(::core::option::Option::None),
    };
    let from_person = options.from_person;
    let timeout_ms = match options.timeout_ms {
        Some(timeout) => quote!(::core::option::Option::Some(#timeout)),
        None => quote!(::core::option::Option::None),
    };
    quote! {
        ::caudal::private::ToolDefinition {
            name: #name,
            title: #title,
            description: #description,
            asks_approval: #approval,
            effect: #effect,
            from_person: #from_person,
            timeout_ms: #timeout_ms,
            retries: #retries,
            input_schema: __input_schema,
            run: ::caudal::private::ToolRun::#variant(__erased),
        }
    }
}
