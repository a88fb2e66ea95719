//! The arguments of `#[defer]` and `#[adefer]`, as written.

use proc_macro2::TokenStream;
use syn::Path;

use crate::args::{self, Key};
use crate::diag::Diagnostics;
use crate::krate::Krate;
use crate::slot::Slot;

const KEYS: &[Key] = &[Key {
    name: "crate",
    usage: "crate = path",
    mistaken_for: &["krate", "path"],
}];

#[derive(Default)]
pub(super) struct Args {
    pub(super) krate: Slot<Path>,
}

impl Args {
    pub(super) fn parse(tokens: TokenStream, attribute: &str, diag: &mut Diagnostics) -> Self {
        let mut this = Self::default();
        args::parse(tokens, attribute, KEYS, diag, |key, input, diag| {
            let path = args::value_with(key, "crate = path", input, Krate::parse)?;
            this.krate.set(key.clone(), path, diag);
            Ok(())
        });
        this
    }
}
