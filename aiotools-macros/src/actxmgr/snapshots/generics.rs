fn keep<'a: 'static, T, const N: usize>(
    items: [&'a T; N],
) -> ::aiotools::__private::Manager<
    impl ::aiotools::__private::Coroutine<
        Lend = ::aiotools::__private::Owned<[&'a T; N]>,
        Resume = ::aiotools::__private::Exit,
        Future = impl ::core::future::Future<
            Output = (),
        > + ::core::marker::Send + 'static,
    >,
>
where
    T: Sync,
{
    <::aiotools::__private::Manager<
        _,
    >>::shared(
        ::aiotools::__private::Spec::new(
            &::aiotools::__private::About {
                name: ::core::concat!(::core::module_path!(), "::", "keep"),
                cleanup_timeout: ::core::option::Option::None,
            },
        ),
        ::aiotools::__private::Body::new(move |
            __aiotools_yield_point: ::aiotools::__private::YieldPoint<
                ::aiotools::__private::Owned<[&'a T; N]>,
                ::aiotools::__private::Exit,
            >|
        {
            let __aiotools_yield_point = unsafe { __aiotools_yield_point.lender() };
            async move {
                let items = items;
                if false {
                    let __aiotools_edge: () = ::aiotools::__private::unreachable();
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
                    yield_!(items);
                }
            }
        }),
    )
}
