//! What a flow's function must look like: `async fn name(ctx: &mut FlowContext, input: T) -> FlowResult<O>`.
//!
//! Everything that is wrong is said at once, each at its own place and with the form that is right.

use quote::ToTokens;
use syn::{FnArg, GenericArgument, PathArguments, ReturnType, Type, TypePath};

const FORM: &str = "`async fn name(ctx: &mut FlowContext, input: Input) -> FlowResult<Output>`";

pub(crate) struct Signature {
    /// None when the flow takes no input.
    pub(crate) input: Option<Type>,
    pub(crate) output: Type,
}

impl Signature {
    pub(crate) fn check(signature: &syn::Signature) -> syn::Result<Self> {
        let mut errors = Errors(None);
        check_qualifiers(signature, &mut errors);
        let input = check_parameters(signature, &mut errors);
        let output = check_output(signature, &mut errors);
        match (errors.0, output) {
            (None, Some(output)) => Ok(Self { input, output }),
            (Some(error), _) => Err(error),
            (None, None) => Err(syn::Error::new_spanned(signature, format!("a flow looks like {FORM}"))),
        }
    }
}

struct Errors(Option<syn::Error>);

impl Errors {
    fn add(&mut self, place: impl ToTokens, message: impl std::fmt::Display) {
        let error = syn::Error::new_spanned(place, message);
        match &mut self.0 {
            Some(errors) => errors.combine(error),
            None => self.0 = Some(error),
        }
    }
}

fn check_qualifiers(signature: &syn::Signature, errors: &mut Errors) {
    if signature.asyncness.is_none() {
        errors.add(signature.fn_token, "a flow is an `async fn`");
    }
    if let Some(constness) = &signature.constness {
        errors.add(constness, "a flow cannot be `const`");
    }
    if let Some(abi) = &signature.abi {
        errors.add(abi, "a flow cannot be `extern`");
    }
    if !signature.generics.params.is_empty() {
        errors.add(
            &signature.generics,
            "a flow cannot be generic: it is found by its name, and a name stands for one input type",
        );
    } else if let Some(clause) = &signature.generics.where_clause {
        errors.add(clause, "a flow cannot have a `where` clause");
    }
    if let Some(variadic) = &signature.variadic {
        errors.add(variadic, "a flow takes a context and at most one input");
    }
}

fn check_parameters(signature: &syn::Signature, errors: &mut Errors) -> Option<Type> {
    let mut parameters = signature.inputs.iter();
    match parameters.next() {
        None => errors.add(&signature.ident, format!("a flow's first parameter is its context: {FORM}")),
        Some(FnArg::Receiver(receiver)) => {
            errors.add(receiver, "a flow is a free function: its first parameter is `ctx: &mut FlowContext`");
            return None;
        }
        Some(FnArg::Typed(context)) if !is_context(&context.ty) => {
            errors.add(&context.ty, "a flow's first parameter is `ctx: &mut FlowContext`");
        }
        Some(FnArg::Typed(_)) => {}
    }
    let input = match parameters.next()? {
        FnArg::Typed(input) => (*input.ty).clone(),
        FnArg::Receiver(_) => return None,
    };
    check_input(&input, errors);
    if let Some(third) = parameters.next() {
        errors.add(
            third,
            "a flow takes one input; make a struct of what it needs (`#[derive(Deserialize, JsonSchema)]`)",
        );
    }
    Some(input)
}

fn check_input(input: &Type, errors: &mut Errors) {
    match input {
        Type::Reference(_) => {
            errors.add(input, "a flow's input is owned: it is read from the store each time the flow runs");
        }
        Type::ImplTrait(_) => errors.add(input, "a flow's input is one type: its form is made from it"),
        _ => {}
    }
}

fn check_output(signature: &syn::Signature, errors: &mut Errors) -> Option<Type> {
    const MESSAGE: &str = "a flow returns `FlowResult<…>`";
    let returned = match &signature.output {
        ReturnType::Default => {
            errors.add(&signature.ident, format!("{MESSAGE}; without a result `FlowResult<()>`"));
            return None;
        }
        ReturnType::Type(_, returned) => returned,
    };
    let output = result_of(returned);
    if output.is_none() {
        errors.add(returned, MESSAGE);
    }
    output
}

pub(crate) fn is_context(parameter: &Type) -> bool {
    match parameter {
        Type::Reference(reference) if reference.mutability.is_some() => match &*reference.elem {
            Type::Path(TypePath { qself: None, path, .. }) => path
                .segments
                .last()
                .is_some_and(|segment| segment.ident == "FlowContext" && segment.arguments.is_none()),
            _ => false,
        },
        _ => false,
    }
}

pub(crate) fn is_step_context(parameter: &Type) -> bool {
    match parameter {
        Type::Path(TypePath { qself: None, path, .. }) => {
            path.segments.last().is_some_and(|segment| segment.ident == "StepContext")
        }
        _ => false,
    }
}

/// `O` of `FlowResult<O>` or of `Result<O, FlowError>`.
pub(crate) fn result_of(returned: &Type) -> Option<Type> {
    let Type::Path(TypePath { qself: None, path, .. }) = returned else { return None };
    let segment = path.segments.last()?;
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    let types: Vec<&Type> = arguments
        .args
        .iter()
        .map(|argument| match argument {
            GenericArgument::Type(of) => Some(of),
            _ => None,
        })
        .collect::<Option<_>>()?;
    match (segment.ident.to_string().as_str(), types.as_slice()) {
        ("FlowResult", [output]) => Some((*output).clone()),
        ("Result", [output, Type::Path(error)]) => {
            error.path.segments.last().filter(|last| last.ident == "FlowError").map(|_| (*output).clone())
        }
        _ => None,
    }
}
