//! Durations written as text, such as `"1m30s"`.

use std::time::Duration;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::LitStr;

use crate::diag::Diagnostics;

/// A duration that was checked when the macro ran.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DurationLit(Duration);

impl DurationLit {
    /// What was given, if it is right.
    pub(crate) fn given(text: Option<&LitStr>, diag: &mut Diagnostics) -> Option<Self> {
        diag.take(Self::parse(text?))
    }

    /// Parses text of at least one unit; zero is an error.
    fn parse(text: &LitStr) -> syn::Result<Self> {
        match humantime::parse_duration(&text.value()) {
            Ok(duration) if duration.is_zero() => Err(syn::Error::new(
                text.span(),
                "the duration is zero; write one that is longer, such as `\"5s\"`",
            )),
            Ok(duration) => Ok(Self(duration)),
            Err(error) => Err(syn::Error::new(
                text.span(),
                format!(
                    "not a duration: {error}; write one such as `\"500ms\"`, `\"5s\"` or `\"1m30s\"`"
                ),
            )),
        }
    }
}

impl DurationLit {
    pub(crate) fn get(self) -> Duration {
        self.0
    }
}

impl ToTokens for DurationLit {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let secs = self.0.as_secs();
        let nanos = self.0.subsec_nanos();
        tokens.extend(quote!(::core::time::Duration::new(#secs, #nanos)));
    }
}
