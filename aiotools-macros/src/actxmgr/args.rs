//! The arguments of `#[actxmgr]`, as written.

use proc_macro2::TokenStream;
use syn::{LitStr, Path};

use crate::args::{self, Key};
use crate::diag::Diagnostics;
use crate::krate::Krate;
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
    Key {
        name: "crate",
        usage: "crate = path",
        mistaken_for: &["krate", "path"],
    },
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
        args::parse(tokens, "actxmgr", KEYS, diag, |key, input, diag| {
            match key.to_string().as_str() {
                "local" => {
                    this.local.set(key.clone(), (), diag);
                    args::flag(key, input)?;
                }
                "scoped" => {
                    this.scoped.set(key.clone(), (), diag);
                    args::flag(key, input)?;
                }
                "cleanup_timeout" => {
                    let text = args::value(key, "cleanup_timeout = \"5s\"", input)?;
                    this.cleanup_timeout.set(key.clone(), text, diag);
                }
                _ => {
                    let path = args::value_with(key, "crate = path", input, Krate::parse)?;
                    this.krate.set(key.clone(), path, diag);
                }
            }
            Ok(())
        });
        this
    }
}
