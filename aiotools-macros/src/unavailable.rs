//! Stand-ins for attributes whose feature is off.

use proc_macro2::{Span, TokenStream};
use quote::quote;

use crate::diag::Diagnostics;
use crate::item_fn;

/// Says what is missing. The function stays, without its body, which needs the attribute to make sense.
pub(crate) fn attribute(name: &str, item: &TokenStream) -> TokenStream {
    let mut diag = Diagnostics::default();
    diag.push(syn::Error::new(
        Span::call_site(),
        format!(
            "`#[{name}]` needs the feature `server` of aiotools, and Unix; write \
             `aiotools = {{ version = \"..\", features = [\"server\"] }}`"
        ),
    ));
    let kept = match item_fn::parse(item) {
        Ok(function) => {
            let item_fn::FnItem {
                attrs, vis, sig, ..
            } = function;
            quote!(#(#attrs)* #[allow(unused_variables)] #vis #sig { ::core::unreachable!() })
        }
        Err(_) => item.clone(),
    };
    let errors = diag.finish();
    quote!(#kept #errors)
}

/// The same for an attribute without which the function makes sense, so that it stays as it is.
pub(crate) fn plain(name: &str, feature: &str, item: &TokenStream) -> TokenStream {
    let mut diag = Diagnostics::default();
    diag.push(syn::Error::new(
        Span::call_site(),
        format!(
            "`#[{name}]` needs the feature `{feature}` of aiotools; write \
             `aiotools = {{ version = \"..\", features = [\"{feature}\"] }}`"
        ),
    ));
    let errors = diag.finish();
    quote!(#item #errors)
}

#[cfg(test)]
mod tests {
    use quote::quote;

    #[test]
    fn says_what_is_missing_and_keeps_the_function() {
        let item = quote! {
            /// Documented.
            async fn worker(ctx: WorkerContext) -> io::Result<()> {
                yield_!();
                Ok(())
            }
        };
        expect_test::expect![[r#"
            /// Documented.
            #[allow(unused_variables)]
            async fn worker(ctx: WorkerContext) -> io::Result<()> {
                ::core::unreachable!()
            }
            ::core::compile_error! {
                "`#[server]` needs the feature `server` of aiotools, and Unix; write `aiotools = { version = \"..\", features = [\"server\"] }`"
            }
        "#]].assert_eq(&crate::testing::pretty(&super::attribute(
            "server", &item,
        )));
    }

    #[test]
    fn keeps_the_body_too() {
        let item = quote!(
            async fn fetch(id: u32) -> u32 {
                id
            }
        );
        expect_test::expect![[r#"
            async fn fetch(id: u32) -> u32 {
                id
            }
            ::core::compile_error! {
                "`#[lru_cache]` needs the feature `lru_cache` of aiotools; write `aiotools = { version = \"..\", features = [\"lru_cache\"] }`"
            }
        "#]].assert_eq(&crate::testing::pretty(&super::plain("lru_cache", "lru_cache", &item)));
    }
}
