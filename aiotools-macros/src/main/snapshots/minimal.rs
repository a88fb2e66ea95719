fn main() {
    ::aiotools::__private::run_main(
        ::aiotools::__private::Flavor::MultiThread(::core::option::Option::None),
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
