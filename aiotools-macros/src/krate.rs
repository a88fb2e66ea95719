//! Where generated code finds the runtime crate.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::Path;
use syn::parse::ParseStream;

/// The path of the `aiotools` crate: `::aiotools`, or what `crate = path` says.
#[derive(Clone)]
pub(crate) struct Krate(Option<Path>);

impl Krate {
    pub(crate) fn new(path: Option<&Path>) -> Self {
        Self(path.cloned())
    }

    /// Parses the value of `crate = path`; understands `crate`, `self` and `super`.
    pub(crate) fn parse(input: ParseStream<'_>) -> syn::Result<Path> {
        Path::parse_mod_style(input)
    }
}

impl ToTokens for Krate {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match &self.0 {
            Some(path) => path.to_tokens(tokens),
            None => tokens.extend(quote!(::aiotools)),
        }
    }
}
