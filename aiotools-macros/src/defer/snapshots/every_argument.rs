/// Documented.
pub(crate) fn r#move<'a>(&mut self, text: &'a str) -> io::Result<&'a str> {
    crate::reexport::__private::Defers::run_fallible(
        &crate::reexport::__private::About {
            name: ::core::concat!(::core::module_path!(), "::", "move"),
            cleanup_timeout: ::core::option::Option::None,
        },
        move |__aiotools_defers| -> io::Result<&'a str> {
            #[allow(unused_macros)]
            macro_rules! __aiotools_defer {
                (($d:tt) $defers:ident panic! $arguments:tt $(;)?) => {
                    __aiotools_defer!(($d) $defers if true { panic! $arguments })
                };
                (($d:tt) $defers:ident unreachable! $arguments:tt $(;)?) => {
                    __aiotools_defer!(($d) $defers if true { unreachable! $arguments })
                };
                (($d:tt) $defers:ident todo! $arguments:tt $(;)?) => {
                    __aiotools_defer!(($d) $defers if true { todo! $arguments })
                };
                (($d:tt) $defers:ident unimplemented! $arguments:tt $(;)?) => {
                    __aiotools_defer!(($d) $defers if true { unimplemented! $arguments })
                };
                (($d:tt) $defers:ident $($call:tt)*) => {
                    { let call = $defers .call(move | again | { let _ = again;
                    #[allow(unused_macros)] macro_rules! defer { ($d ($d call : tt) *) =>
                    { __aiotools_defer!(($d) again $d ($d call) *) }; } $($call)* });
                    #[allow(unused_imports)] use crate ::reexport::__private:: {
                    FitsError as _, ReportsError as _ }; (&& crate
                    ::reexport::__private::fits(& call, $defers)).__aiotools_error()
                    .push($defers, call); }
                };
            }
            #[allow(unused_macros)]
            macro_rules! defer {
                ($($call:tt)*) => {
                    __aiotools_defer!(($) __aiotools_defers $($call)*)
                };
            }
            defer!(self.close());
            Ok(text)
        },
    )
}
