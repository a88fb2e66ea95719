//! Parameters that borrow, where the body may outlive its caller and must own what it uses.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{FnArg, ReceiverKind, Type};

use crate::diag::Diagnostics;
use crate::item_fn::FnItem;
use crate::return_type;

/// Reports each parameter that borrows.
pub(crate) fn check(item: &FnItem, message: &str, diag: &mut Diagnostics) {
    for param in &item.sig.inputs {
        if let Some(borrow) = borrow(param, item) {
            diag.error(borrow, message);
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
