//! The arguments of `#[lru_cache]`, as written.

use proc_macro2::TokenStream;
use syn::{Expr, ExprClosure, LitStr, Path};

use crate::args::{self, Key};
use crate::choice::Choice;
use crate::diag::Diagnostics;
use crate::slot::Slot;

pub(super) const ON_ERROR: &[&str] = &["share", "retry"];

const KEYS: &[Key] = &[
    Key {
        name: "max_size",
        usage: "max_size = 128 | unlimited",
        mistaken_for: &["maxsize", "size", "capacity", "max_capacity"],
    },
    Key {
        name: "expire_after",
        usage: "expire_after = \"1m\"",
        mistaken_for: &["ttl", "time_to_live", "time"],
    },
    Key {
        name: "stale_while_revalidate",
        usage: "stale_while_revalidate = \"1m\"",
        mistaken_for: &["stale", "swr", "stale_for"],
    },
    Key {
        name: "key",
        usage: "key = |argument| ..",
        mistaken_for: &["convert", "key_fn"],
    },
    Key {
        name: "cache",
        usage: "cache = self.field",
        mistaken_for: &["field", "store"],
    },
    Key {
        name: "on_error",
        usage: "on_error = share | retry",
        mistaken_for: &["errors", "result"],
    },
    args::CRATE,
];

#[derive(Default)]
pub(super) struct Args {
    pub(super) max_size: Slot<Expr>,
    pub(super) expire_after: Slot<LitStr>,
    pub(super) stale_while_revalidate: Slot<Option<LitStr>>,
    pub(super) key: Slot<ExprClosure>,
    pub(super) cache: Slot<Expr>,
    pub(super) on_error: Slot<Choice>,
    pub(super) krate: Slot<Path>,
}

impl Args {
    pub(super) fn parse(tokens: TokenStream, diag: &mut Diagnostics) -> Self {
        let mut this = Self::default();
        args::parse(tokens, "lru_cache", KEYS, diag, |arg| match arg.name() {
            "max_size" => arg.value(&mut this.max_size),
            "expire_after" => arg.value(&mut this.expire_after),
            // With `cache` it is a flag.
            "stale_while_revalidate" => arg.optional_value(&mut this.stale_while_revalidate),
            "key" => arg.value(&mut this.key),
            "cache" => arg.value(&mut this.cache),
            "on_error" => arg.choice(&mut this.on_error, ON_ERROR),
            _ => arg.krate(&mut this.krate),
        });
        this
    }
}
