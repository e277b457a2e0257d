//! `#[flow]`.
use proc_macro::TokenStream;

#[proc_macro_attribute]
pub fn flow(_options: TokenStream, item: TokenStream) -> TokenStream {
    item
}
