#[::core::prelude::v1::test]
fn passes() {
    ::aiotools::__private::run_test(
        ::aiotools::__private::Flavor::MultiThread(::core::option::Option::Some(2usize)),
        ::core::option::Option::None,
        async move {
            #[allow(
                unreachable_code,
                clippy::diverging_sub_expression,
                clippy::needless_return
            )]
            if false {
                return ::aiotools::__private::unreachable::<()>();
            }
        },
    )
}
