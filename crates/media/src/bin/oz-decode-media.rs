//! The decoding process by itself, for tests and fuzzing; the product has it inside `oz-api`.

fn main() -> std::process::ExitCode {
    oz_media::child_main()
}
