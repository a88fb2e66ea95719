//! What the key of a call is made of.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, ExprClosure, FnArg, Ident, Pat, ReturnType, Type};

use super::model::name;
use crate::diag::Diagnostics;
use crate::item_fn::FnItem;
use crate::krate::Krate;

/// The arguments that the key is made of, and how.
pub(super) struct Key {
    parts: Vec<Part>,
    /// `None`: a clone of each.
    made: Option<Made>,
}

struct Part {
    /// Its name in the function.
    name: Ident,
    /// Its name in the closure.
    known_as: Ident,
    /// What the closure says that it is.
    said: Option<Type>,
    ty: Type,
}

struct Made {
    body: Expr,
    output: Option<Type>,
}

impl Key {
    pub(super) fn new(
        closure: Option<&ExprClosure>,
        item: &FnItem,
        diag: &mut Diagnostics,
    ) -> Self {
        let (plain, _) = item.plain_params();
        let params: Vec<_> = plain.iter().filter_map(part).collect();
        match closure {
            None => {
                for part in &params {
                    if let Type::Reference(reference) = &part.ty
                        && let Some(mutability) = &reference.mutability
                    {
                        diag.error(
                            mutability,
                            "an argument that is changed cannot be part of the key; name the others: `key = |argument| ..`",
                        );
                    }
                }
                Self {
                    parts: params,
                    made: None,
                }
            }
            Some(closure) => Self {
                parts: chosen(closure, &params, diag),
                made: Some(Made {
                    body: (*closure.body).clone(),
                    output: match &closure.output {
                        ReturnType::Default => None,
                        ReturnType::Type(_, ty) => Some((**ty).clone()),
                    },
                }),
            },
        }
    }

    /// The parameters of a function that makes the key.
    pub(super) fn params(&self) -> TokenStream {
        let params = self.parts.iter().map(|part| {
            let (name, ty) = (&part.known_as, borrowed(&part.ty));
            quote!(#name: #ty)
        });
        quote!(#(#params),*)
    }

    /// The arguments for that function, where it is called with its own parameters.
    pub(super) fn own_params(&self) -> TokenStream {
        let names = self.parts.iter().map(|part| &part.known_as);
        quote!(#(#names),*)
    }

    /// The arguments for that function, in the body of the cached one.
    pub(super) fn arguments(&self) -> TokenStream {
        let arguments = self.parts.iter().map(|part| {
            let name = &part.name;
            match part.ty {
                Type::Reference(_) => quote!(#name),
                _ => quote!(&#name),
            }
        });
        quote!(#(#arguments),*)
    }

    /// The body of that function.
    pub(super) fn body(&self, krate: &Krate) -> TokenStream {
        let Some(Made { body, output }) = &self.made else {
            return self.clones(krate);
        };
        let said = self.parts.iter().filter_map(|part| {
            let (name, ty) = (&part.known_as, part.said.as_ref()?);
            Some(quote!(let #name: #ty = #name;))
        });
        let body = match output {
            Some(ty) => {
                quote_spanned!(ty.span()=> { let __aiotools_key: #ty = #body; __aiotools_key })
            }
            None => body.to_token_stream(),
        };
        quote!(#(#said)* #body)
    }

    fn clones(&self, krate: &Krate) -> TokenStream {
        let mut clones: Vec<_> = self
            .parts
            .iter()
            .map(|part| {
                let name = &part.known_as;
                let part_fn = match part.ty {
                    Type::Reference(_) => Ident::new("borrowed_key_part", Span::call_site()),
                    _ => Ident::new("key_part", Span::call_site()),
                };
                let krate = krate.at(part.ty.span());
                quote_spanned!(part.ty.span()=> #krate::__private::#part_fn(#name))
            })
            .collect();
        match clones.len() {
            // Not `()` as it is, which clippy finds unneeded.
            0 => quote!(#krate::__private::key_part(&())),
            1 => clones.remove(0),
            _ => quote!((#(#clones),*)),
        }
    }
}

fn part(param: &FnArg) -> Option<Part> {
    let FnArg::Typed(typed) = param else {
        return None;
    };
    let name = name(&typed.pat)?;
    Some(Part {
        name: name.clone(),
        known_as: name.clone(),
        said: None,
        ty: (*typed.ty).clone(),
    })
}

/// What the closure takes, which is found by name.
fn chosen(closure: &ExprClosure, params: &[Part], diag: &mut Diagnostics) -> Vec<Part> {
    let mut parts = Vec::new();
    for input in &closure.inputs {
        let (pat, said) = match input {
            Pat::Type(typed) => (&*typed.pat, Some((*typed.ty).clone())),
            pat => (pat, None),
        };
        let known_as = name(pat);
        let param = known_as.and_then(|name| params.iter().find(|param| param.name == *name));
        match (known_as, param) {
            (Some(known_as), Some(param)) => parts.push(Part {
                name: param.name.clone(),
                known_as: known_as.clone(),
                said,
                ty: param.ty.clone(),
            }),
            _ => diag.error(
                pat,
                "not a parameter of this function; the key is made of those that are named here, each by reference",
            ),
        }
    }
    parts
}

/// The type by reference.
fn borrowed(ty: &Type) -> TokenStream {
    match ty {
        Type::Reference(_) => ty.to_token_stream(),
        ty => quote_spanned!(ty.span()=> &#ty),
    }
}
