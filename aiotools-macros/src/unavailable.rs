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
}
