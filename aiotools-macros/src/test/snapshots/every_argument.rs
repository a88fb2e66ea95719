#[::core::prelude::v1::test]
#[ignore]
fn passes() -> io::Result<()> {
    aio::__private::run_virtual_test(
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
            let clock: VirtualClock = aio::__private::VirtualClock::current();
            Ok(())
        },
    )
}
