fn number() -> crate::reexport::__private::Manager<
    impl crate::reexport::__private::Coroutine<
        Lend = crate::reexport::__private::Owned<u32>,
        Resume = crate::reexport::__private::Exit,
        Future = impl ::core::future::Future<Output = ()> + 'static,
    >,
> {
    <crate::reexport::__private::Manager<
        _,
    >>::local(
        crate::reexport::__private::Spec::new(const {
                &crate::reexport::__private::About {
                    name: ::core::concat!(::core::module_path!(), "::", "number"),
                    cleanup_timeout: ::core::option::Option::Some(
                        ::core::time::Duration::new(90u64, 0u32),
                    ),
                }
            })
            .on_timeout(|timed_out| {
                #[allow(unused_imports)]
                use crate::reexport::__private::{
                    TimedOutAsError as _, TimedOutAsPanic as _,
                };
                (&&crate::reexport::__private::TimedOut::<()>::new())
                    .__aiotools_outcome(timed_out)
            }),
        crate::reexport::__private::Body::new(move |
            __aiotools_yield_point: crate::reexport::__private::YieldPoint<
                crate::reexport::__private::Owned<u32>,
                crate::reexport::__private::Exit,
            >|
        {
            let __aiotools_yield_point = unsafe { __aiotools_yield_point.lender() };
            async move {
                if false {
                    let __aiotools_edge: () = crate::reexport::__private::unreachable();
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
                            'yield_must_stand_directly_in_the_body(crate
                            ::reexport::__private::unreachable()); }
                            __aiotools_yield_point.lend($value). await }
                        };
                    }
                    yield_!(1);
                }
            }
        }),
    )
}
