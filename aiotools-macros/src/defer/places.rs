//! Where a function defers.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::visit::Visit;
use syn::{Block, Ident, Item};

use crate::diag::Diagnostics;

/// The first `defer!` among tokens.
pub(super) fn first(tokens: &TokenStream) -> Option<Ident> {
    let mut before: Option<Ident> = None;
    for token in tokens.clone() {
        match token {
            TokenTree::Punct(punct) if punct.as_char() == '!' => {
                if let Some(ident) = before.take().filter(|ident| ident == "defer") {
                    return Some(ident);
                }
            }
            TokenTree::Ident(ident) => {
                before = Some(ident);
                continue;
            }
            TokenTree::Group(group) => {
                if let Some(ident) = first(&group.stream()) {
                    return Some(ident);
                }
            }
            _ => {}
        }
        before = None;
    }
    None
}

/// Reports the `defer!`s of inner functions, which cannot see the list of the function around them.
pub(super) fn check(block: &Block, diag: &mut Diagnostics) {
    struct Walk<'a>(&'a mut Diagnostics);
    impl Visit<'_> for Walk<'_> {
        fn visit_item(&mut self, item: &Item) {
            if let Item::Fn(function) = item
                && function.attrs.iter().any(|attr| {
                    let name = attr.path().segments.last();
                    name.is_some_and(|name| name.ident == "defer" || name.ident == "adefer")
                })
            {
                return;
            }
            if let Some(ident) = first(&item.to_token_stream()) {
                self.0.error(
                    ident,
                    "an inner function cannot defer for the one around it; give it an attribute of its own",
                );
            }
        }
    }
    Walk(diag).visit_block(block);
}
