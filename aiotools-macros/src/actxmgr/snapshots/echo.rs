struct Number;
::core::compile_error! {
    "`#[actxmgr]` goes on an `async fn`, not on a `struct`"
}
