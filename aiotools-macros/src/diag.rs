//! Collecting errors, so that independent mistakes are reported together.

use proc_macro2::TokenStream;
use quote::ToTokens;

/// The errors of one attribute. Must be ended with [`finish`](Self::finish): dropped unread it panics,
/// so that a forgotten check cannot ship.
#[derive(Debug, Default)]
pub(crate) struct Diagnostics {
    errors: Option<syn::Error>,
    count: usize,
    finished: bool,
}

impl Diagnostics {
    pub(crate) fn push(&mut self, error: syn::Error) {
        self.count += 1;
        match &mut self.errors {
            Some(errors) => errors.combine(error),
            None => self.errors = Some(error),
        }
    }

    /// Blames `tokens`.
    pub(crate) fn error(&mut self, tokens: impl ToTokens, message: impl std::fmt::Display) {
        self.push(syn::Error::new_spanned(tokens, message));
    }

    /// The value, or else reports why there is none.
    pub(crate) fn take<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|error| self.push(error)).ok()
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.count > 0
    }

    /// Whether `check` found nothing to report.
    pub(crate) fn passes(&mut self, check: impl FnOnce(&mut Self)) -> bool {
        let before = self.count;
        check(self);
        self.count == before
    }

    /// The errors as `compile_error!`s, to stand behind the item; empty if there are none.
    pub(crate) fn finish(mut self) -> TokenStream {
        self.finished = true;
        match self.errors.take() {
            Some(errors) => errors.to_compile_error(),
            None => TokenStream::new(),
        }
    }
}

impl Drop for Diagnostics {
    fn drop(&mut self) {
        if !self.finished && !std::thread::panicking() {
            panic!("the errors of an attribute were never looked at");
        }
    }
}
