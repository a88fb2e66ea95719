//! Where generated code finds the runtime crate.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::Path;
use syn::parse::ParseStream;

/// The path of the `aiotools` crate: `::aiotools`, or what `crate = path` says.
#[derive(Clone)]
pub(crate) struct Krate {
    tokens: TokenStream,
}

impl Krate {
    pub(crate) fn new(path: Option<&Path>) -> Self {
        Self {
            tokens: path.map_or_else(|| quote!(::aiotools), ToTokens::to_token_stream),
        }
    }

    /// The same path, to be shown at `span` in errors.
    pub(crate) fn at(&self, span: Span) -> Self {
        let tokens = self.tokens.clone().into_iter().map(|mut token| {
            token.set_span(token.span().located_at(span));
            token
        });
        Self {
            tokens: tokens.collect(),
        }
    }

    /// Parses the value of `crate = path`; understands `crate`, `self` and `super`.
    pub(crate) fn parse(input: ParseStream<'_>) -> syn::Result<Path> {
        Path::parse_mod_style(input)
    }
}

impl ToTokens for Krate {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.tokens.to_tokens(tokens);
    }
}
