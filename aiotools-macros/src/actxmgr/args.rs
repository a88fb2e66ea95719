//! The arguments of `#[actxmgr]`, as written.

use proc_macro2::TokenStream;
use syn::{LitStr, Path};

use crate::args::{self, Key};
use crate::diag::Diagnostics;
use crate::slot::Slot;

const KEYS: &[Key] = &[
    Key {
        name: "local",
        usage: "local",
        mistaken_for: &["not_send", "no_send", "unsend"],
    },
    Key {
        name: "scoped",
        usage: "scoped",
        mistaken_for: &["scope", "borrowed", "borrow"],
    },
    Key {
        name: "cleanup_timeout",
        usage: "cleanup_timeout = \"5s\"",
        mistaken_for: &["timeout", "cleanup_deadline", "deadline"],
    },
    args::CRATE,
];

#[derive(Default)]
pub(super) struct Args {
    pub(super) local: Slot<()>,
    pub(super) scoped: Slot<()>,
    pub(super) cleanup_timeout: Slot<LitStr>,
    pub(super) krate: Slot<Path>,
}

impl Args {
    pub(super) fn parse(tokens: TokenStream, diag: &mut Diagnostics) -> Self {
        let mut this = Self::default();
        args::parse(tokens, "actxmgr", KEYS, diag, |arg| match arg.name() {
            "local" => arg.flag(&mut this.local),
            "scoped" => arg.flag(&mut this.scoped),
            "cleanup_timeout" => arg.value(&mut this.cleanup_timeout),
            _ => arg.krate(&mut this.krate),
        });
        this
    }
}
