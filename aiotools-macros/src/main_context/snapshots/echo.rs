enum Setup {}
::core::compile_error! {
    "`#[main_context]` goes on a `fn`, not on an `enum`"
}
