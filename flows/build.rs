//! Makes cargo see a flow's file that is added: `flows_in!` reads the folder, which cargo cannot know.

fn main() {
    // Cargo reads this from the script's output.
    #[expect(clippy::print_stdout, reason = "how a build script talks to cargo")]
    {
        println!("cargo::rerun-if-changed=src");
    }
}
