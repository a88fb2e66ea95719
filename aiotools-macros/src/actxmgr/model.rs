//! `#[actxmgr]` with every rule checked.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{FnArg, ReceiverKind, Type};

use super::args::Args;
use crate::body_rules;
use crate::diag::Diagnostics;
use crate::duration::DurationLit;
use crate::item_fn::FnItem;
use crate::krate::Krate;
use crate::return_type::{self, Returned};
use crate::yields::Subject;

const SUBJECT: Subject = Subject {
    name: "a manager",
    example: "yield_!(value)",
    sync: false,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Shared,
    Local,
    Scoped,
}

pub(super) struct Model {
    pub(super) kind: Kind,
    pub(super) krate: Krate,
    pub(super) returned: Returned,
    pub(super) cleanup_timeout: Option<DurationLit>,
}

impl Model {
    pub(super) fn new(args: &Args, item: &FnItem, diag: &mut Diagnostics) -> Self {
        let model = Self {
            kind: kind(args, diag),
            krate: Krate::new(args.krate.value()),
            returned: Returned::new(&item.sig.output, item.sig.ident.span()),
            cleanup_timeout: args.cleanup_timeout.value().and_then(|text| {
                DurationLit::parse(text)
                    .map_err(|error| diag.push(error))
                    .ok()
            }),
        };
        if item.sig.asyncness.is_none() {
            diag.error(
                item.sig.fn_token,
                "`#[actxmgr]` goes on an `async fn`; write `async fn`",
            );
        }
        if let Some(constness) = &item.sig.constness {
            diag.error(constness, "a manager cannot be `const`; remove `const`");
        }
        if model.kind != Kind::Scoped {
            check_borrows(item, diag);
        }
        body_rules::check(item, &SUBJECT, model.returned.fallible, diag);
        model
    }
}

fn kind(args: &Args, diag: &mut Diagnostics) -> Kind {
    match (args.local.key(), args.scoped.key()) {
        (Some(_), Some(scoped)) => {
            diag.error(
                scoped,
                "a manager is `local` or `scoped`; keep one (a scoped manager need not be `Send` either)",
            );
            Kind::Scoped
        }
        (Some(_), None) => Kind::Local,
        (None, Some(_)) => Kind::Scoped,
        (None, None) => Kind::Shared,
    }
}

/// The cleanup of a default or local manager may outlive its caller, so it must own what it uses.
fn check_borrows(item: &FnItem, diag: &mut Diagnostics) {
    for param in &item.sig.inputs {
        if let Some(borrow) = borrow(param, item) {
            diag.error(
                borrow,
                "the cleanup of this manager may outlive its caller, so it cannot borrow; take an owned value \
                 (`String`, `Arc<T>`, `self: Arc<Self>`), or write `#[actxmgr(scoped)]`",
            );
        }
    }
}

/// The tokens of a parameter that borrow.
fn borrow(param: &FnArg, item: &FnItem) -> Option<TokenStream> {
    let ty: &Type = match param {
        FnArg::Receiver(receiver) => match &receiver.kind {
            ReceiverKind::Reference(and, lifetime, mutability) => {
                let this = &receiver.self_token;
                return Some(quote!(#and #lifetime #mutability #this));
            }
            ReceiverKind::Typed(_, ty) => ty,
            _ => return None,
        },
        FnArg::Typed(typed) => &typed.ty,
    };
    if let Type::Reference(reference) = ty
        && reference
            .lifetime
            .as_ref()
            .is_none_or(|lifetime| lifetime.ident == "_")
    {
        return Some(ty.to_token_stream());
    }
    return_type::elided(ty).or_else(|| named_lifetime(ty, item))
}

/// A lifetime parameter of the function in `ty`, unless it is bounded by `'static`.
fn named_lifetime(ty: &Type, item: &FnItem) -> Option<TokenStream> {
    struct Find<'a> {
        params: &'a [syn::Lifetime],
        found: Option<TokenStream>,
    }
    impl syn::visit::Visit<'_> for Find<'_> {
        fn visit_lifetime(&mut self, lifetime: &syn::Lifetime) {
            if self.params.contains(lifetime) {
                self.found.get_or_insert_with(|| lifetime.to_token_stream());
            }
        }
    }
    let params: Vec<_> = item
        .sig
        .generics
        .lifetimes()
        .filter(|param| param.bounds.iter().all(|bound| bound.ident != "static"))
        .map(|param| param.lifetime.clone())
        .collect();
    let mut find = Find {
        params: &params,
        found: None,
    };
    syn::visit::Visit::visit_type(&mut find, ty);
    find.found
}
