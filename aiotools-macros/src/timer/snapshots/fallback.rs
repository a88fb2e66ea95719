#[track_caller]
fn tick(_: ::core::time::Duration, _: u32) -> ::aiotools::__private::Timer {
    ::aiotools::__private::unreachable()
}
::core::compile_error! {
    "the duration is zero; write one that is longer, such as `\"5s\"`"
}
