//! `#[lru_cache]` with every rule checked.

use syn::{Expr, FnArg, GenericParam, Ident, LitStr, Pat, Type};

use super::args::Args;
use super::key::Key;
use crate::borrows;
use crate::diag::Diagnostics;
use crate::duration::DurationLit;
use crate::item_fn::FnItem;
use crate::krate::Krate;
use crate::return_type::Returned;

/// Where the cache is.
pub(super) enum Place {
    /// In a `static` beside the function.
    Function {
        max_size: MaxSize,
        expire_after: Option<DurationLit>,
        stale: Option<DurationLit>,
    },
    /// Where this expression says.
    Given(Expr),
}

pub(super) enum MaxSize {
    Default,
    Unlimited,
    Entries(Expr),
}

/// What becomes of an `Err`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Errors {
    /// It is a value like any other.
    None,
    Share,
    Retry,
}

pub(super) struct Model {
    pub(super) krate: Krate,
    pub(super) place: Place,
    pub(super) key: Key,
    pub(super) errors: Errors,
    /// Expired values are served while there is a new one under way.
    pub(super) stale: bool,
    pub(super) returned: Returned,
    pub(super) expands: bool,
}

impl Model {
    pub(super) fn new(args: &Args, item: &FnItem, diag: &mut Diagnostics) -> Self {
        let returned = Returned::new(&item.sig.output, item.sig.ident.span());
        let expire_after = DurationLit::given(args.expire_after.value(), diag);
        let window = args.stale_while_revalidate.value();
        let window = window.and_then(Option::as_ref);
        let stale = DurationLit::given(window, diag);
        let place = match args.cache.value() {
            Some(cache) => {
                settings_are_elsewhere(args, window, diag);
                Place::Given(cache.clone())
            }
            None => {
                has_one_cache(item, diag);
                stale_can_be(args, diag);
                Place::Function {
                    max_size: max_size(args.max_size.value()),
                    expire_after,
                    stale,
                }
            }
        };
        if item.sig.asyncness.is_none() {
            diag.error(
                item.sig.fn_token,
                "`#[lru_cache]` goes on an `async fn`; write `async fn`",
            );
        }
        let stale = args.stale_while_revalidate.key().is_some();
        if stale {
            borrows::check(
                item,
                "a value may be computed in the background, after the call has ended, so this cannot borrow; take an owned value, \
                 or an `Arc`",
                diag,
            );
        }
        let errors = match args.on_error.value() {
            Some(choice) if choice.index == 1 => Errors::Retry,
            Some(_) => Errors::Share,
            None if returned.fallible => Errors::Share,
            None => Errors::None,
        };
        Self {
            krate: Krate::new(args.krate.value()),
            place,
            key: Key::new(args.key.value(), item, diag),
            errors,
            stale,
            returned,
            expands: !diag.has_errors(),
        }
    }
}

fn max_size(size: Option<&Expr>) -> MaxSize {
    match size {
        None => MaxSize::Default,
        Some(Expr::Path(path)) if path.path.is_ident("unlimited") => MaxSize::Unlimited,
        Some(size) => MaxSize::Entries(size.clone()),
    }
}

/// With `cache`, the one who made the cache has said how it is.
fn settings_are_elsewhere(args: &Args, window: Option<&LitStr>, diag: &mut Diagnostics) {
    let settings = [args.max_size.key(), args.expire_after.key()];
    for key in settings.into_iter().flatten() {
        diag.error(
            key,
            format!("the cache in `cache` has its own `{key}`; say it to `LruCache::builder()`, and remove it here"),
        );
    }
    if let Some(window) = window {
        diag.error(
            window,
            "the cache in `cache` has its own window; say it to `LruCache::builder()`, and write `stale_while_revalidate` alone",
        );
    }
}

fn stale_can_be(args: &Args, diag: &mut Diagnostics) {
    let Some(key) = args.stale_while_revalidate.key() else {
        return;
    };
    if let Some(None) = args.stale_while_revalidate.value() {
        diag.error(
            key,
            "`stale_while_revalidate` needs a value: `stale_while_revalidate = \"1m\"`",
        );
    }
    if args.expire_after.key().is_none() {
        diag.error(
            key,
            "no value gets stale here; write `expire_after = \"1m\"` too",
        );
    }
}

/// One function has one cache, so there must be one function.
fn has_one_cache(item: &FnItem, diag: &mut Diagnostics) {
    for param in &item.sig.inputs {
        match param {
            FnArg::Receiver(receiver) => diag.error(
                receiver,
                "a method has a cache in each instance; keep an `LruCache` in a field, and write `cache = self.field`",
            ),
            FnArg::Typed(typed) => {
                if let Type::ImplTrait(_) = *typed.ty {
                    diag.error(&typed.ty, GENERIC);
                }
            }
        }
    }
    for param in &item.sig.generics.params {
        if !matches!(param, GenericParam::Lifetime(_)) {
            diag.error(param, GENERIC);
        }
    }
}

const GENERIC: &str = "a generic function is many functions, and they cannot share one cache; write one for each type, or say where the \
                       cache is: `cache = ..`";

/// The name of a parameter, if it has one.
pub(super) fn name(pat: &Pat) -> Option<&Ident> {
    match pat {
        Pat::Ident(ident) => Some(&ident.ident),
        _ => None,
    }
}
