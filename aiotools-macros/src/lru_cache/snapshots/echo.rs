struct Fetch;
::core::compile_error! {
    "`#[lru_cache]` goes on an `async fn`, not on a `struct`"
}
