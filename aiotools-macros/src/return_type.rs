//! What the return type of a function says about its coroutine: what it lends, and how it ends.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{GenericArgument, Lifetime, Path, PathArguments, ReturnType, Type, TypeReference};

use crate::coroutine_fn::at;
use crate::krate::Krate;

/// `-> V`, or `-> Result<V, E>`.
pub(crate) struct Returned {
    /// `V`.
    pub(crate) value: Type,
    /// What the body ends with: `()`, or `Result<(), E>` as the user spells it.
    pub(crate) outcome: Type,
    pub(crate) fallible: bool,
    /// Where to blame.
    pub(crate) span: Span,
}

impl Returned {
    pub(crate) fn new(output: &ReturnType, fn_name: Span) -> Self {
        let unit: Type = syn::parse_quote!(());
        let ty = match output {
            ReturnType::Default => {
                return Self {
                    value: unit.clone(),
                    outcome: unit,
                    fallible: false,
                    span: fn_name,
                };
            }
            ReturnType::Type(_, ty) => strip(ty),
        };
        let span = ty.span();
        match split_result(ty) {
            Some((value, outcome)) => Self {
                value,
                outcome,
                fallible: true,
                span,
            },
            None => Self {
                value: ty.clone(),
                outcome: unit,
                fallible: false,
                span,
            },
        }
    }

    /// The family of `V`, as a type; and the same to stand in the body, where `impl Trait` cannot.
    ///
    /// `named` asks for the families with names, those that a guard can deref to. What they lend has to
    /// be `'static`, apart from being lent.
    pub(crate) fn family(&self, named: bool, krate: &Krate) -> (TokenStream, TokenStream) {
        (
            family(&self.value, named, at(self.span), krate),
            family(&inferred(&self.value).0, named, at(self.span), krate),
        )
    }

    /// The same for a value that cannot be lent; what it borrows is taken to be `'static`.
    pub(crate) fn owned_family(&self, krate: &Krate) -> (TokenStream, TokenStream) {
        let mut owned = self.value.clone();
        Elided::named(&Lifetime::new("'static", Span::call_site())).visit_type_mut(&mut owned);
        (
            family(&owned, true, at(self.span), krate),
            family(&inferred(&owned).0, true, at(self.span), krate),
        )
    }

    /// `V` or `E` holds an `impl Trait`.
    pub(crate) fn has_impl_trait(&self) -> bool {
        inferred(&self.value).1 || inferred(&self.outcome).1
    }
}

fn family(value: &Type, named: bool, span: Span, krate: &Krate) -> TokenStream {
    let value = strip(value);
    if !has_elided(value) {
        return quote_spanned!(span=> #krate::__private::Owned<#value>);
    }
    if let Type::Reference(TypeReference {
        lifetime,
        mutability,
        elem,
        ..
    }) = value
        && lifetime
            .as_ref()
            .is_none_or(|lifetime| lifetime.ident == "_")
        && named
        && !has_elided(elem)
    {
        return if mutability.is_some() {
            quote_spanned!(span=> #krate::__private::Mut<#elem>)
        } else {
            quote_spanned!(span=> #krate::__private::Ref<#elem>)
        };
    }
    let lend = Lifetime::new("'__aiotools_lend", Span::mixed_site());
    let mut lent = value.clone();
    Elided::named(&lend).visit_type_mut(&mut lent);
    quote_spanned!(span=> dyn for<#lend> #krate::__private::Lend<#lend, Value = #lent>)
}

/// `Result<V, ..>` with any path in front, or a bare `Result` such as `fmt::Result`, which yields `()`.
fn split_result(ty: &Type) -> Option<(Type, Type)> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last()?;
    if path.qself.is_some() || last.ident != "Result" {
        return None;
    }
    let unit: Type = syn::parse_quote!(());
    match &last.arguments {
        PathArguments::None => Some((unit, ty.clone())),
        PathArguments::Parenthesized(_) => None,
        PathArguments::AngleBracketed(_) => {
            let mut outcome = path.clone();
            let value = first_type(&mut outcome.path)?;
            let value = std::mem::replace(value, unit);
            Some((value, Type::Path(outcome)))
        }
    }
}

fn first_type(path: &mut Path) -> Option<&mut Type> {
    let PathArguments::AngleBracketed(arguments) = &mut path.segments.last_mut()?.arguments else {
        return None;
    };
    arguments
        .args
        .iter_mut()
        .find_map(|argument| match argument {
            GenericArgument::Type(ty) => Some(ty),
            _ => None,
        })
}

/// Sees through parentheses and invisible groups.
fn strip(ty: &Type) -> &Type {
    match ty {
        Type::Paren(inner) => strip(&inner.elem),
        Type::Group(inner) => strip(&inner.elem),
        ty => ty,
    }
}

/// Whether a type has an elided lifetime, such as that of `&T` or `Tx<'_>`.
pub(crate) fn has_elided(ty: &Type) -> bool {
    elided(ty).is_some()
}

/// The tokens of the first elided lifetime: the `&` or the `'_`.
pub(crate) fn elided(ty: &Type) -> Option<TokenStream> {
    let mut find = Elided::default();
    find.visit_type_mut(&mut ty.clone());
    find.found
}

/// Finds elided lifetimes, and gives them a name if there is one to give. Those of `fn(&T)` and
/// `Fn(&T)` belong to the function.
#[derive(Default)]
struct Elided<'a> {
    name: Option<&'a Lifetime>,
    found: Option<TokenStream>,
}

impl<'a> Elided<'a> {
    fn named(name: &'a Lifetime) -> Self {
        Self {
            name: Some(name),
            found: None,
        }
    }

    fn find(&mut self, tokens: impl ToTokens) {
        self.found.get_or_insert_with(|| tokens.into_token_stream());
    }
}

impl VisitMut for Elided<'_> {
    fn visit_type_reference_mut(&mut self, reference: &mut TypeReference) {
        if reference.lifetime.is_none() {
            self.find(reference.and_token);
            reference.lifetime = self.name.cloned();
        }
        visit_mut::visit_type_reference_mut(self, reference);
    }

    fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
        if lifetime.ident == "_" {
            self.find(&*lifetime);
            if let Some(name) = self.name {
                *lifetime = name.clone();
            }
        }
    }

    fn visit_type_fn_ptr_mut(&mut self, _: &mut syn::TypeFnPtr) {}

    fn visit_parenthesized_generic_arguments_mut(
        &mut self,
        _: &mut syn::ParenthesizedGenericArguments,
    ) {
    }
}

/// The type with `_` for every `impl Trait`, and whether there was one.
pub(crate) fn inferred(ty: &Type) -> (Type, bool) {
    struct Infer(bool);
    impl VisitMut for Infer {
        fn visit_type_mut(&mut self, ty: &mut Type) {
            if let Type::ImplTrait(_) = ty {
                self.0 = true;
                *ty = syn::parse_quote!(_);
            } else {
                visit_mut::visit_type_mut(self, ty);
            }
        }
    }
    let mut ty = ty.clone();
    let mut infer = Infer(false);
    infer.visit_type_mut(&mut ty);
    (ty, infer.0)
}
