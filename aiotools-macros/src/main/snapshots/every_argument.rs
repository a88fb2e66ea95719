fn main() -> io::Result<()> {
    aio::__private::start_fork_server::<()>();
    aio::__private::run_main(
        aio::__private::Flavor::CurrentThread,
        ::core::option::Option::Some(::core::time::Duration::new(5u64, 0u32)),
        async move {
            #[allow(
                unreachable_code,
                clippy::diverging_sub_expression,
                clippy::needless_return
            )]
            if false {
                return aio::__private::unreachable::<io::Result<()>>();
            }
            Ok(())
        },
    )
}
