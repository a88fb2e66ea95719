//! `#[actxmgr]`, expanded.
//!
//! ```text
//! #[actxmgr]
//! async fn transaction(db: Db) -> Result<&mut Tx, DbError> { <body> }
//!
//! fn transaction(db: Db) -> Manager<impl Coroutine<
//!     Lend = Mut<Tx>,
//!     Resume = Exit,
//!     Future = impl Future<Output = Result<(), DbError>> + Send + 'static,
//! >> {
//!     Manager::shared(Spec::new("app::transaction"), <coroutine>)
//! }
//! ```
//!
//! `local` leaves out `Send`, `scoped` also `'static`, and captures the lifetimes of the arguments. For
//! `<coroutine>` see `coroutine_fn.rs`.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{FnArg, Lifetime, ReceiverKind, Signature};

use super::model::{Kind, Model};
use crate::coroutine_fn::{CoroutineFn, wrapper_signature};
use crate::item_fn::FnItem;

pub(super) fn expand(model: &Model, item: &FnItem) -> TokenStream {
    let (params, lets) = item.plain_params();
    function(model, item, params, |coroutine_fn| {
        coroutine_fn.coroutine(&lets)
    })
}

/// The function with the signature that it would have had, so that its callers type-check.
pub(super) fn fallback(model: &Model, item: &FnItem) -> TokenStream {
    if model.returned.has_impl_trait() {
        // Nothing can stand in for a value of a type that only the body knows.
        return TokenStream::new();
    }
    let (mut params, _) = item.plain_params();
    for param in &mut params {
        if let FnArg::Typed(typed) = param {
            *typed.pat = syn::parse_quote!(_);
        }
    }
    function(model, item, params, |coroutine_fn| {
        coroutine_fn.placeholder()
    })
}

fn function(
    model: &Model,
    item: &FnItem,
    params: Vec<FnArg>,
    coroutine: impl FnOnce(&CoroutineFn<'_>) -> TokenStream,
) -> TokenStream {
    let Model {
        krate, returned, ..
    } = model;
    let outcome = &returned.outcome;
    let (lend, lend_in_body) = returned.family(krate);
    let coroutine = coroutine(&CoroutineFn {
        item,
        krate,
        lend: &lend_in_body,
        resume: quote!(#krate::__private::Exit),
        outcome,
        outcome_span: returned.span,
    });
    let mut sig = item.sig.clone();
    let (constructor, bounds) = match model.kind {
        Kind::Shared => (
            quote!(Manager::shared),
            quote!(+ ::core::marker::Send + 'static),
        ),
        Kind::Local => (quote!(Manager::local), quote!(+ 'static)),
        Kind::Scoped => (quote!(ScopedManager::new), TokenStream::new()),
    };
    let (manager, captures) = match model.kind {
        Kind::Scoped => {
            let captures = name_lifetimes(&mut sig);
            (
                quote!(ScopedManager),
                quote!(+ #krate::__private::Captures<(#captures)>),
            )
        }
        _ => (quote!(Manager), TokenStream::new()),
    };
    let params = match model.kind {
        // The lifetimes of these have got names.
        Kind::Scoped => with_types_of(params, &sig),
        _ => params,
    };
    let returns = quote_spanned! {returned.span=>
        #krate::__private::#manager<
            impl #krate::__private::Coroutine<
                Lend = #lend,
                Resume = #krate::__private::Exit,
                Future = impl ::core::future::Future<Output = #outcome> #bounds,
            > #captures
        >
    };
    let name = sig.ident.to_string();
    let spec = spec(model, &name);
    let sig = wrapper_signature(&sig, params, &returns);
    let FnItem { attrs, vis, .. } = item;
    quote! {
        #(#attrs)*
        #vis #sig {
            #krate::__private::#constructor(#spec, #coroutine)
        }
    }
}

fn spec(model: &Model, name: &str) -> TokenStream {
    let Model {
        krate, returned, ..
    } = model;
    let outcome = &returned.outcome;
    let about = quote! {
        #krate::__private::About::new(::core::concat!(::core::module_path!(), "::", #name))
    };
    match &model.cleanup_timeout {
        None => quote!(#krate::__private::Spec::new(const { &#about })),
        Some(limit) => quote! {
            #krate::__private::Spec::new(const { &#about.cleanup_timeout(#limit) }).on_timeout(
                |timed_out| {
                    #[allow(unused_imports)]
                    use #krate::__private::{TimedOutAsError as _, TimedOutAsPanic as _};
                    (&&#krate::__private::TimedOut::<#outcome>::new()).outcome(timed_out)
                },
            )
        },
    }
}

/// Gives a name to each elided lifetime of the parameters, and returns what a return type has to mention
/// to capture them all. Only crates of edition 2024 would capture them by themselves.
fn name_lifetimes(sig: &mut Signature) -> TokenStream {
    use syn::visit_mut::VisitMut;

    struct Name {
        fresh: Vec<Lifetime>,
    }
    impl Name {
        fn next(&mut self) -> Lifetime {
            let name = format!("'__aiotools_{}", self.fresh.len());
            let lifetime = Lifetime::new(&name, Span::mixed_site());
            self.fresh.push(lifetime.clone());
            lifetime
        }
    }
    impl VisitMut for Name {
        fn visit_type_reference_mut(&mut self, reference: &mut syn::TypeReference) {
            if reference.lifetime.is_none() {
                reference.lifetime = Some(self.next());
            }
            syn::visit_mut::visit_type_reference_mut(self, reference);
        }
        fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
            if lifetime.ident == "_" {
                *lifetime = self.next();
            }
        }
        fn visit_type_fn_ptr_mut(&mut self, _: &mut syn::TypeFnPtr) {}
        fn visit_parenthesized_generic_arguments_mut(
            &mut self,
            _: &mut syn::ParenthesizedGenericArguments,
        ) {
        }
    }

    let mut name = Name { fresh: Vec::new() };
    let mut has_self = false;
    for param in &mut sig.inputs {
        match param {
            FnArg::Receiver(receiver) => {
                has_self = true;
                match &mut receiver.kind {
                    ReceiverKind::Reference(_, lifetime, _)
                        if lifetime
                            .as_ref()
                            .is_none_or(|lifetime| lifetime.ident == "_") =>
                    {
                        *lifetime = Some(name.next());
                    }
                    ReceiverKind::Typed(_, ty) => name.visit_type_mut(ty),
                    _ => {}
                }
            }
            FnArg::Typed(typed) => name.visit_type_mut(&mut typed.ty),
        }
    }
    let written: Vec<_> = sig
        .generics
        .lifetimes()
        .map(|param| param.lifetime.clone())
        .collect();
    let fresh = name.fresh;
    for (n, lifetime) in fresh.iter().enumerate() {
        sig.generics.params.insert(n, syn::parse_quote!(#lifetime));
    }
    let this = has_self.then(|| format_ident!("Self")).into_iter();
    quote!(#(&#fresh (),)* #(&#written (),)* #(#this,)*)
}

/// The parameters by the names in `params` and the types in `sig`.
fn with_types_of(params: Vec<FnArg>, sig: &Signature) -> Vec<FnArg> {
    params
        .into_iter()
        .zip(&sig.inputs)
        .map(|(param, typed)| match (param, typed) {
            (FnArg::Typed(plain), FnArg::Typed(typed)) => FnArg::Typed(syn::PatType {
                pat: plain.pat,
                ..typed.clone()
            }),
            (_, typed) => typed.clone(),
        })
        .collect()
}
