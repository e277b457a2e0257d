//! The options in `#[flow(…)]`. An unknown, doubled or badly formed one is an error at its own place.

use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Ident, LitBool, LitFloat, LitInt, LitStr, Path, Token, bracketed};

use crate::duration::parse_milliseconds;

const KNOWN: &str = "title, version, formerly, diagnostics, timeout, deadline, retries, concurrency, max_cost, max_tokens, \
                     needs, notify_on_failure";

#[derive(Default)]
pub(crate) struct Options {
    pub(crate) title: Option<String>,
    pub(crate) version: Option<u32>,
    pub(crate) formerly: Vec<String>,
    pub(crate) diagnostics: bool,
    pub(crate) timeout_ms: Option<u64>,
    pub(crate) deadline_ms: Option<u64>,
    pub(crate) retries: Option<u32>,
    pub(crate) concurrency: Option<u32>,
    /// Empty: the settings say who.
    pub(crate) notify_on_failure: Option<Vec<String>>,
    pub(crate) max_cost: Option<f64>,
    pub(crate) max_tokens: Option<u64>,
    /// Types of resources without which the flow cannot run.
    pub(crate) needs: Vec<Path>,
}

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut options = Self::default();
        let mut seen: Vec<Ident> = Vec::new();
        while !input.is_empty() {
            let name: Ident = input.parse()?;
            if seen.contains(&name) {
                return Err(syn::Error::new(name.span(), format!("`{name}` stands here twice")));
            }
            options.read(&name, input)?;
            seen.push(name);
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(options)
    }
}

impl Options {
    fn read(&mut self, name: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
        match name.to_string().as_str() {
            "title" => self.title = Some(text(name, input)?.value()),
            "version" => self.version = Some(number(name, input, 1)?),
            "formerly" => self.formerly = names(name, input)?,
            "diagnostics" => self.diagnostics = flag(input)?,
            "timeout" => self.timeout_ms = Some(duration(name, input)?),
            "deadline" => self.deadline_ms = Some(duration(name, input)?),
            "retries" => self.retries = Some(number(name, input, 0)?),
            "concurrency" => self.concurrency = Some(number(name, input, 1)?),
            "notify_on_failure" => self.notify_on_failure = Some(addresses(input)?),
            "max_cost" => self.max_cost = Some(amount(name, input)?),
            "max_tokens" => self.max_tokens = Some(number(name, input, 1)?.into()),
            "needs" => self.needs = paths(name, input)?,
            _ => return Err(syn::Error::new(name.span(), format!("unknown option `{name}`; known are: {KNOWN}"))),
        }
        Ok(())
    }
}

fn equals(name: &Ident, input: ParseStream<'_>, form: &str) -> syn::Result<()> {
    match input.parse::<Token![=]>() {
        Ok(_) => Ok(()),
        Err(_) => Err(syn::Error::new(name.span(), format!("`{name}` needs a value: `{name} = {form}`"))),
    }
}

pub(crate) fn text(name: &Ident, input: ParseStream<'_>) -> syn::Result<LitStr> {
    equals(name, input, "\"…\"")?;
    input.parse().map_err(|error| syn::Error::new(error.span(), format!("`{name}` is a text: `{name} = \"…\"`")))
}

pub(crate) fn duration(name: &Ident, input: ParseStream<'_>) -> syn::Result<u64> {
    equals(name, input, "\"5m\"")?;
    let text: LitStr = input
        .parse()
        .map_err(|error| syn::Error::new(error.span(), format!("`{name}` is a duration: `{name} = \"5m\"`")))?;
    parse_milliseconds(&text.value()).map_err(|message| syn::Error::new(text.span(), message))
}

pub(crate) fn number(name: &Ident, input: ParseStream<'_>, least: u32) -> syn::Result<u32> {
    equals(name, input, "2")?;
    let wrong = |span| syn::Error::new(span, format!("`{name}` is a whole number of at least {least}"));
    let literal: LitInt = input.parse().map_err(|error| wrong(error.span()))?;
    match literal.base10_parse::<u32>() {
        Ok(value) if value >= least => Ok(value),
        _ => Err(wrong(literal.span())),
    }
}

/// The name of a function.
pub(crate) fn function(name: &Ident, input: ParseStream<'_>) -> syn::Result<Path> {
    equals(name, input, "what_it_would_do")?;
    input.parse().map_err(|error| syn::Error::new(error.span(), format!("`{name}` is the name of a function")))
}

/// `0.5` or `2`.
fn amount(name: &Ident, input: ParseStream<'_>) -> syn::Result<f64> {
    equals(name, input, "0.50")?;
    let wrong = |span| syn::Error::new(span, format!("`{name}` is a number: `{name} = 0.50`"));
    if input.peek(LitInt) {
        return input.parse::<LitInt>()?.base10_parse();
    }
    input.parse::<LitFloat>().map_err(|error| wrong(error.span()))?.base10_parse()
}

/// `needs = LanguageModel`, or a list of such types.
fn paths(name: &Ident, input: ParseStream<'_>) -> syn::Result<Vec<Path>> {
    equals(name, input, "LanguageModel")?;
    if input.peek(syn::token::Bracket) {
        let list;
        bracketed!(list in input);
        return Ok(Punctuated::<Path, Token![,]>::parse_terminated(&list)?.into_iter().collect());
    }
    Ok(vec![input.parse()?])
}

/// `diagnostics` alone, or `diagnostics = false`.
pub(crate) fn flag(input: ParseStream<'_>) -> syn::Result<bool> {
    if input.parse::<Option<Token![=]>>()?.is_none() {
        return Ok(true);
    }
    Ok(input.parse::<LitBool>()?.value)
}

/// The option alone, or with an address or a list of them.
fn addresses(input: ParseStream<'_>) -> syn::Result<Vec<String>> {
    if input.parse::<Option<Token![=]>>()?.is_none() {
        return Ok(Vec::new());
    }
    let literals = texts(input)?;
    for literal in &literals {
        let address = literal.value();
        if !address.contains('@') || address.contains(char::is_control) {
            return Err(syn::Error::new(literal.span(), format!("{address:?} is no mail address")));
        }
    }
    Ok(literals.iter().map(LitStr::value).collect())
}

/// One text, or a list of them.
fn texts(input: ParseStream<'_>) -> syn::Result<Vec<LitStr>> {
    if !input.peek(syn::token::Bracket) {
        return Ok(vec![input.parse()?]);
    }
    let list;
    bracketed!(list in input);
    Ok(Punctuated::<LitStr, Token![,]>::parse_terminated(&list)?.into_iter().collect())
}

fn names(name: &Ident, input: ParseStream<'_>) -> syn::Result<Vec<String>> {
    equals(name, input, "\"old_name\"")?;
    let literals = texts(input)?;
    for literal in &literals {
        if syn::parse_str::<Ident>(&literal.value()).is_err() {
            let message = format!("\"{}\" cannot have been the name of a flow", literal.value());
            return Err(syn::Error::new(literal.span(), message));
        }
    }
    Ok(literals.iter().map(LitStr::value).collect())
}
