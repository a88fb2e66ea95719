async fn work(n: u32) -> io::Result<impl Display> {
    let __aiotools_defers = crate::reexport::__private::AsyncDefers::<
        <io::Result<()> as crate::reexport::__private::FallibleFn>::Error,
    >::new(
        &crate::reexport::__private::About {
            name: ::core::concat!(::core::module_path!(), "::", "work"),
            cleanup_timeout: ::core::option::Option::None,
        },
    );
    __aiotools_defers
        .run_fallible({
            let __aiotools_defers = &__aiotools_defers;
            async move {
                if false {
                    let __aiotools_edge: io::Result<_> = crate::reexport::__private::unreachable();
                    return __aiotools_edge;
                }
                {
                    #[allow(unused_macros)]
                    macro_rules! __aiotools_defer {
                        (($d:tt) $defers:ident panic! $arguments:tt $(;)?) => {
                            __aiotools_defer!(($d) $defers if true { panic! $arguments })
                        };
                        (($d:tt) $defers:ident unreachable! $arguments:tt $(;)?) => {
                            __aiotools_defer!(($d) $defers if true { unreachable!
                            $arguments })
                        };
                        (($d:tt) $defers:ident todo! $arguments:tt $(;)?) => {
                            __aiotools_defer!(($d) $defers if true { todo! $arguments })
                        };
                        (($d:tt) $defers:ident unimplemented! $arguments:tt $(;)?) => {
                            __aiotools_defer!(($d) $defers if true { unimplemented!
                            $arguments })
                        };
                        (($d:tt) $defers:ident $($call:tt)*) => {
                            { let again = $defers .again(); let _ = & again;
                            #[allow(clippy::async_yields_async)] let call = async move {
                            #[allow(unused_macros)] macro_rules! defer { ($d ($d call :
                            tt) *) => { __aiotools_defer!(($d) again $d ($d call) *) }; }
                            $($call)* }; #[allow(unused_imports)] use crate
                            ::reexport::__private:: { AwaitedCall as _, FitsErrorAsync as
                            _, PlainCall as _, ReportsErrorAsync as _, }; let call = (&&
                            crate ::reexport::__private::called(& call))
                            .__aiotools_kind().finish(call); (&& crate
                            ::reexport::__private::fits_async(& call, & $defers))
                            .__aiotools_error().push_async(& $defers, call); }
                        };
                    }
                    #[allow(unused_macros)]
                    macro_rules! defer {
                        ($($call:tt)*) => {
                            __aiotools_defer!(($) __aiotools_defers $($call)*)
                        };
                    }
                    defer!(cleanup(n));
                    Ok(n)
                }
            }
        })
        .await
}
