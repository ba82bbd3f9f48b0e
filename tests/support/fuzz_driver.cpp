// Runs a fuzz target without libFuzzer, so that every build replays the corpus and tries some
// random inputs:
//
//     fuzz_x [--runs N] [FILE OR FOLDER]...
//
// Random inputs are damaged copies of corpus files, for most of what is random from the start ends
// at the first check. The seed is printed first; MARTLET_SEED=N replays it.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "tests/fuzz/fuzz_target.hpp"
#include "tests/support/random.hpp"

namespace {

using Input = std::vector<char>;

void add_file(std::vector<Input>& corpus, const std::filesystem::path& file) {
    std::ifstream in{file, std::ios::binary};
    corpus.emplace_back(std::istreambuf_iterator<char>{in}, std::istreambuf_iterator<char>{});
}

void add(std::vector<Input>& corpus, const std::filesystem::path& path) {
    if (!std::filesystem::is_directory(path)) {
        add_file(corpus, path);
        return;
    }
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
        if (entry.is_regular_file()) {
            add_file(corpus, entry.path());
        }
    }
}

void run(const Input& input) {
    // Memory of exactly the input's size: a sanitizer sees every step outside.
    const std::vector<std::uint8_t> exact(input.begin(), input.end());
    LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

void damage(Input& input, martlet::testing::Random& random) {
    const std::size_t at = random.below(input.size() + 1);
    const auto place = input.begin() + static_cast<std::ptrdiff_t>(at);
    switch (random.below(4)) {
        case 0:
            input.insert(place, static_cast<char>(random.next()));
            break;
        case 1:
            input.erase(place, input.end());
            break;
        default:
            if (place != input.end()) {
                *place = static_cast<char>(random.next());
            }
    }
}

Input random_input(const std::vector<Input>& corpus, martlet::testing::Random& random) {
    Input input;
    if (!corpus.empty() && !random.chance(4)) {
        input = corpus[random.below(corpus.size())];
        for (std::size_t times = 1 + random.below(4); times > 0; --times) {
            damage(input, random);
        }
    } else {
        input.resize(random.below(64));
        for (char& byte : input) {
            byte = static_cast<char>(random.next());
        }
    }
    return input;
}

}  // namespace

int main(int argc, char** argv) {
    long runs = 20'000;
    std::vector<Input> corpus;
    for (int i = 1; i < argc; ++i) {
        if (std::string_view{argv[i]} == "--runs" && i + 1 < argc) {
            runs = std::atol(argv[++i]);
        } else {
            add(corpus, argv[i]);
        }
    }
    for (const Input& input : corpus) {
        run(input);
    }
    const std::uint64_t seed = martlet::testing::seed_for_this_run();
    std::printf("%zu inputs from files; %ld random ones, %s\n", corpus.size(), runs,
                martlet::testing::replay_hint(seed).c_str());
    std::fflush(stdout);
    martlet::testing::Random random{seed};
    for (long i = 0; i < runs; ++i) {
        run(random_input(corpus, random));
    }
    return 0;
}
