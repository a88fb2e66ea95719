//! The annotated function: its signature parsed, its body as it was written.

use proc_macro2::{Group, Span, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::parse::{Parse, ParseStream};
use syn::{
    Attribute, Block, FnArg, Pat, PatType, Receiver, ReceiverKind, Signature, Visibility, token,
};

/// A function whose body has not been looked at, so that code that is only half typed reaches the
/// compiler, and with it the editor, unchanged.
pub(crate) struct FnItem {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
    /// What stands between the braces.
    pub(crate) body: TokenStream,
    pub(crate) braces: Group,
}

impl Parse for FnItem {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        let sig: Signature = input.parse()?;
        if !input.peek(token::Brace) {
            return Err(
                input.error("a function without a body cannot be annotated; give it a body")
            );
        }
        let braces: Group = input.parse()?;
        Ok(Self {
            attrs,
            vis,
            sig,
            body: braces.stream(),
            braces,
        })
    }
}

/// Parses the item of an attribute.
pub(crate) fn parse(item: &TokenStream) -> syn::Result<FnItem> {
    syn::parse2(item.clone())
}

impl FnItem {
    /// The body as a syntax tree; `None` if it does not parse, in which case rustc will say why.
    pub(crate) fn block(&self) -> Option<Block> {
        syn::parse2(self.braces.to_token_stream()).ok()
    }

    /// The parameters with plain names, and the statements that turn the names into the patterns that
    /// were written. The body starts with these, so that it owns every argument until its end, used or
    /// not, as the body of an `async fn` does.
    pub(crate) fn plain_params(&self) -> (Vec<FnArg>, TokenStream) {
        let mut params = Vec::new();
        let mut lets = TokenStream::new();
        for (n, param) in self.sig.inputs.iter().enumerate() {
            let (param, own) = match param {
                FnArg::Receiver(receiver) => plain_receiver(receiver),
                FnArg::Typed(typed) => plain_param(n, typed),
            };
            params.push(param);
            lets.extend(own);
        }
        (params, lets)
    }

    /// The parameters, for a function that does not use them.
    pub(crate) fn ignored_params(&self) -> Vec<FnArg> {
        let (mut params, _) = self.plain_params();
        for param in &mut params {
            match param {
                FnArg::Receiver(receiver) => match receiver.kind {
                    ReceiverKind::Reference(..) => {}
                    _ => receiver.mutability = None,
                },
                FnArg::Typed(typed) => *typed.pat = syn::parse_quote!(_),
            }
        }
        params
    }
}

/// A receiver keeps its name; the body only has to take all of it.
fn plain_receiver(receiver: &Receiver) -> (FnArg, TokenStream) {
    let this = &receiver.self_token;
    let (cfgs, _) = split(&receiver.attrs);
    let own = quote! { #(#cfgs)* let _ = &#this; };
    (FnArg::Receiver(receiver.clone()), own)
}

fn plain_param(n: usize, typed: &PatType) -> (FnArg, TokenStream) {
    let pat = &typed.pat;
    let (cfgs, lints) = split(&typed.attrs);
    let (name, own) = match &**pat {
        Pat::Ident(ident) if ident.subpat.is_none() && ident.by_ref.is_none() => {
            let name = ident.ident.clone();
            let own = quote! { #(#cfgs)* #(#lints)* let #pat = #name; };
            (name, own)
        }
        pat => {
            let name = format_ident!("__aiotools_arg{n}", span = Span::mixed_site());
            // Moved in whole, then taken apart.
            let own = quote! {
                #(#cfgs)* let #name = #name;
                #(#cfgs)* #(#lints)* let #pat = #name;
            };
            (name, own)
        }
    };
    let plain = FnArg::Typed(PatType {
        attrs: cfgs.into_iter().cloned().collect(),
        pat: Box::new(syn::parse_quote!(#name)),
        ..typed.clone()
    });
    (plain, own)
}

/// The attributes of a parameter: those that say whether it is there, and those about lints, which go
/// where the pattern goes.
fn split(attrs: &[Attribute]) -> (Vec<&Attribute>, Vec<&Attribute>) {
    attrs
        .iter()
        .partition(|attr| attr.path().is_ident("cfg") || attr.path().is_ident("cfg_attr"))
}
