struct Work;
::core::compile_error! {
    "`#[defer]` goes on a function, not on a `struct`"
}
