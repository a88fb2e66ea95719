fn main() {
    ::aiotools::__private::unreachable()
}
::core::compile_error! {
    "`main` takes no parameters; read them with `std::env::args()`"
}
