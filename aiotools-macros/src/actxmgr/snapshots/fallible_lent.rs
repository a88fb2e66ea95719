fn transaction(
    db: Db,
) -> ::aiotools::__private::Manager<
    impl ::aiotools::__private::Coroutine<
        Lend = ::aiotools::__private::Mut<Tx>,
        Resume = ::aiotools::__private::Exit,
        Future = impl ::core::future::Future<
            Output = io::Result<()>,
        > + ::core::marker::Send + 'static,
    >,
> {
    <::aiotools::__private::Manager<
        _,
    >>::shared(
        ::aiotools::__private::Spec::new(
            &::aiotools::__private::About {
                name: ::core::concat!(::core::module_path!(), "::", "transaction"),
                cleanup_timeout: ::core::option::Option::None,
            },
        ),
        ::aiotools::__private::Body::new(move |
            __aiotools_yield_point: ::aiotools::__private::YieldPoint<
                ::aiotools::__private::Mut<Tx>,
                ::aiotools::__private::Exit,
            >|
        {
            let __aiotools_yield_point = unsafe { __aiotools_yield_point.lender() };
            async move {
                let db = db;
                if false {
                    let __aiotools_edge: io::Result<()> = ::aiotools::__private::unreachable();
                    return __aiotools_edge;
                }
                'yield_must_stand_directly_in_the_body: {
                    #[allow(unused_macros)]
                    macro_rules! yield_ {
                        () => {
                            yield_!(())
                        };
                        ($value:expr $(,)?) => {
                            { if false { break
                            'yield_must_stand_directly_in_the_body(::aiotools::__private::unreachable());
                            } __aiotools_yield_point.lend($value). await }
                        };
                    }
                    let mut tx = db.begin().await?;
                    yield_!(& mut tx);
                    tx.commit().await
                }
            }
        }),
    )
}
