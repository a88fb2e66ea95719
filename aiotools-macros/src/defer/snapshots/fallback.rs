fn work(_: (u32, u32)) -> u32 {
    ::aiotools::__private::unreachable()
}
::core::compile_error! {
    "a function that defers cannot be `const`; remove `const`"
}
::core::compile_error! {
    "an inner function cannot defer for the one around it; give it an attribute of its own"
}
