//! The arguments of `#[server]`, as written.

use proc_macro2::TokenStream;
use syn::Path;

use crate::args::{self, Key};
use crate::diag::Diagnostics;
use crate::slot::Slot;

const KEYS: &[Key] = &[args::CRATE];

#[derive(Default)]
pub(super) struct Args {
    pub(super) krate: Slot<Path>,
}

impl Args {
    pub(super) fn parse(tokens: TokenStream, diag: &mut Diagnostics) -> Self {
        let mut this = Self::default();
        args::parse(tokens, "server", KEYS, diag, |arg| {
            arg.krate(&mut this.krate)
        });
        this
    }
}
