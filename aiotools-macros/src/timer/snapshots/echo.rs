struct Tick;
::core::compile_error! {
    "`#[timer]` goes on an `async fn`, not on a `struct`"
}
