struct Worker;
::core::compile_error! {
    "`#[server]` goes on an `async fn`, not on a `struct`"
}
