#[allow(dead_code)]
fn passes() {
    ::aiotools::__private::unreachable()
}
::core::compile_error! {
    "`#[test]` goes on an `async fn`; write `async fn`"
}
