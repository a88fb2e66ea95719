::core::compile_error! {
    "`#[actxmgr]` has no argument `colour`; it has `local`, `scoped`, `cleanup_timeout = \"5s\"`, `crate = path`"
}
