// What the fuzzer (native/fuzz) kept of the ways through the safetensors reader, replayed: through the parser from memory, and
// as files through the public functions, where what opens is also read.
#include "files.h"
#include "safetensors_soundness.h"

using namespace hybrid::tests;

class Corpus : public InFolder {
 protected:
  // The inputs by their file's name, in order, so that a failure names one.
  static const std::map<std::string, std::string>& inputs() {
    static const auto all = [] {
      std::map<std::string, std::string> found;
      for (const auto& entry : std::filesystem::directory_iterator(HYBRID_CORPUS)) found[entry.path().filename().string()] = contents(entry.path().string());
      return found;
    }();
    return all;
  }
};

TEST_F(Corpus, IsThereAndSmall) {
  size_t bytes = 0;
  for (const auto& [name, input] : inputs()) bytes += input.size();
  EXPECT_GE(inputs().size(), 50u);
  EXPECT_LT(inputs().size(), 300u);
  EXPECT_LT(bytes, 300'000u);
}

TEST_F(Corpus, IsReadSoundlyOrRefusedOnOneLine) {
  int64_t accepted = 0;
  for (const auto& [name, input] : inputs()) {
    EXPECT_EQ(fault_of_reading(input.data(), input.size()), "") << name;
    try {
      hybrid::read_safetensors_header(name, input.data(), input.size());
      ++accepted;
    } catch (const hybrid::Error&) {
    }
  }
  EXPECT_GE(accepted, 10);
  EXPECT_LT(accepted, static_cast<int64_t>(inputs().size()));
}

TEST_F(Corpus, FilesOpenAndReadOrAreRefusedAsTheParserSays) {
  for (const auto& [name, input] : inputs()) {
    put(path(name), input);
    int64_t expected = -1;
    try {
      expected = static_cast<int64_t>(hybrid::read_safetensors_header(name, input.data(), input.size()).entries.size());
    } catch (const hybrid::Error&) {
    }
    hyb_safetensors* opened = nullptr;
    const auto status = hyb_safetensors_open(path(name).c_str(), &opened);
    if (expected < 0) {
      EXPECT_EQ(status, HYB_BAD_FORMAT) << name;
      EXPECT_EQ(opened, nullptr) << name;
      EXPECT_EQ(fault_of_refusal("safetensors_open: " + path(name), hyb_last_error()), "") << name;
      continue;
    }
    ASSERT_EQ(status, HYB_OK) << name << ": " << hyb_last_error();
    hyb_safetensors_free(opened);
    OpenFile file(path(name));
    ASSERT_EQ(file.count(), expected) << name;
    for (int64_t i = 0; i < expected; ++i) {
      const auto shape = file.shape(i);
      const auto tensor = file.read(i);
      EXPECT_EQ(tensor.sizes().vec(), shape) << name << ", " << file.name(i);
      EXPECT_TRUE(tensor.is_contiguous()) << name << ", " << file.name(i);
    }
  }
}

TEST_F(Corpus, ABrokenFileIsFoundUnsound) {
  // The checks themselves: what they are for is found.
  hybrid::SafetensorsHeader header{8, {{"a", HYB_U8, {2}, 0, 2}, {"b", HYB_U8, {2}, 1, 3}}};
  EXPECT_EQ(fault_of_header(header, 11), "tensors that overlap: b and a");
  header.entries[1] = {"b", HYB_U8, {2}, 2, 4};
  EXPECT_EQ(fault_of_header(header, 11), "a tensor outside the data: b");
  EXPECT_EQ(fault_of_header(header, 12), "");
  header.entries[1] = {"b", HYB_F32, {2}, 2, 4};
  EXPECT_EQ(fault_of_header(header, 12), "bytes that are not elements times the element's size: b");
  header.entries[1] = {"a", HYB_U8, {2}, 2, 4};
  EXPECT_EQ(fault_of_header(header, 12), "a name twice: a");
  header.entries[1].name = "\xed\xa0\x80";
  EXPECT_EQ(fault_of_header(header, 12), "a name that is not UTF-8");
  EXPECT_EQ(fault_of_refusal("f", "f: two\nlines"), "a refusal of more than one line: f: two\nlines");
  EXPECT_EQ(fault_of_refusal("f", "g: a refusal"), "a refusal that does not begin with the file: g: a refusal");
}
