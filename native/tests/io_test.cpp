// safetensors files: round trips, what is written byte for byte, atomicity. Malformed files: io_malformed_test.cpp.
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "files.h"

using namespace hybrid::tests;

class Io : public InFolder {};

TEST_F(Io, RoundTripOfEveryType) {
  std::vector<std::string> names;
  Tensors tensors;
  for (auto type : {at::kFloat, at::kDouble, at::kBFloat16, at::kHalf, at::kLong, at::kInt, at::kByte, at::kBool}) {
    names.push_back(std::string("a.") + c10::toString(type));
    tensors.push_back(at::randint(0, 2, {3, 5}, at::kDouble).to(type));
    if (at::isFloatingType(type)) tensors.back() = randn({3, 5}).to(type);
  }
  ok(write(path("all"), names, tensors));
  OpenFile file(path("all"));
  ASSERT_EQ(file.count(), 8);
  for (int64_t i = 0; i < 8; ++i) {
    const auto& written = tensors[static_cast<size_t>(i)];
    EXPECT_EQ(file.name(i), names[static_cast<size_t>(i)]);
    auto read = file.read(i);
    EXPECT_EQ(read.scalar_type(), written.scalar_type());
    expect_same_bits(read, written, names[static_cast<size_t>(i)]);
  }
}

TEST_F(Io, ScalarsEmptyTensorsAndManyDimensions) {
  Tensors tensors{randn({}), randn({0}), randn({3, 0, 2}), randn({1, 2, 1, 1, 2, 1, 1, 3}), at::ones({1}, at::kByte), randn({2})};
  ok(write(path("odd"), {"scalar", "empty", "hollow", "deep", "byte", "after an odd byte"}, tensors));
  OpenFile file(path("odd"));
  for (int64_t i = 0; i < 6; ++i) {
    EXPECT_EQ(file.shape(i), tensors[static_cast<size_t>(i)].sizes().vec());
    expect_same_bits(file.read(i), tensors[static_cast<size_t>(i)], file.name(i));
  }
}

TEST_F(Io, NoTensorsAtAll) {
  ok(write(path("none"), {}, {}));
  EXPECT_EQ(OpenFile(path("none")).count(), 0);
}

TEST_F(Io, NonContiguousAndTrainedTensorsAreWrittenByRows) {
  auto tensor = randn({3, 5}).t().set_requires_grad(true);
  ok(write(path("t"), {"t"}, {tensor}));
  auto read = OpenFile(path("t")).read(0);
  EXPECT_FALSE(read.requires_grad());
  expect_same_bits(read, tensor);
}

TEST_F(Io, NamesMayBeAnyUnicodeText) {
  std::vector<std::string> names{"",  "model.layers.0",        "Ünïcødé",           "日本語",
                                 "😀", "quote\" back\\slash /", "tab\tline\nbell\a", "__metadata"};
  Tensors tensors;
  for (size_t i = 0; i < names.size(); ++i) tensors.push_back(at::full({1}, static_cast<double>(i), at::kDouble));
  ok(write(path("n"), names, tensors));
  OpenFile file(path("n"));
  for (size_t i = 0; i < names.size(); ++i) {
    EXPECT_EQ(file.name(static_cast<int64_t>(i)), names[i]);
    EXPECT_EQ(file.read(static_cast<int64_t>(i)).item<double>(), static_cast<double>(i));
  }
}

TEST_F(Io, MetadataIsWrittenAndSkippedOnReading) {
  ok(write(path("m"), {"x"}, {randn({2})}, {{"format", "pt"}, {"note", "a \"quote\"\nand 日本"}}));
  EXPECT_EQ(OpenFile(path("m")).count(), 1);
  auto bytes = contents(path("m"));
  EXPECT_NE(bytes.find(R"("__metadata__":{"format":"pt","note":"a \"quote\"\u000aand 日本"})"), std::string::npos) << bytes;
}

TEST_F(Io, TheBytesAreTheFormats) {
  ok(write(path("b"), {"x"}, {at::tensor({1, 2}, at::kInt)}));
  std::string header = R"({"x":{"dtype":"I32","shape":[2],"data_offsets":[0,8]}})";
  header.append((8 - header.size() % 8) % 8, ' ');
  EXPECT_EQ(contents(path("b")), file_of(header, std::string("\1\0\0\0\2\0\0\0", 8)));
}

TEST_F(Io, HeadersOfOtherWritersAreRead) {
  // White space, escapes, another order of keys and of offsets, an unpadded header, data that is not aligned.
  std::string header =
      " {\"\\u00e9\\ud83d\\ude00\\n\" :{ \"data_offsets\" : [ 1 , 5 ],\"shape\":[2, 1],\t\"dtype\":\"F16\"}, "
      "\"__metadata__\": { } ,\"u\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,1]}}\r\n";
  put(path("w"), file_of(header, std::string("\x2a\x00\x3c\x00\xc0", 5)));
  OpenFile file(path("w"));
  ASSERT_EQ(file.count(), 2);
  EXPECT_EQ(file.name(0), "é😀\n");
  EXPECT_TRUE(at::equal(file.read(0).to(at::kDouble), at::tensor({1.0, -2.0}, at::kDouble).reshape({2, 1})));
  EXPECT_EQ(file.read(1).item<int>(), 42);
}

TEST_F(Io, ReadingConverts) {
  auto tensor = randn({7}, at::kFloat);
  ok(write(path("c"), {"byte", "x"}, {at::ones({1}, at::kByte), tensor}));
  OpenFile file(path("c"));
  EXPECT_TRUE(at::equal(file.read(1, HYB_BF16), tensor.to(at::kBFloat16)));
  EXPECT_TRUE(at::equal(file.read(1, HYB_F64), tensor.to(at::kDouble)));
}

TEST_F(Io, TensorsOutliveTheFile) {
  auto tensor = randn({1000});
  ok(write(path("o"), {"x"}, {tensor}));
  at::Tensor read;
  {
    OpenFile file(path("o"));
    read = file.read(0);
    read[0] = 5;  // and are the reader's own
    EXPECT_NE(file.read(0)[0].item<double>(), 5);
  }
  std::remove(path("o").c_str());
  EXPECT_EQ(read[0].item<double>(), 5);
  expect_same_bits(read.slice(0, 1), tensor.slice(0, 1));
}

TEST_F(Io, ConversionInPiecesReachesEveryElement) {
  auto tensor = at::arange(5'000'003, at::kFloat);  // 20 MB, more than a piece, and no whole number of them
  ok(write(path("p"), {"byte", "x"}, {at::ones({1}, at::kByte), tensor}));
  OpenFile file(path("p"));
  expect_same_bits(file.read(1, HYB_BF16), tensor.to(at::kBFloat16));
  expect_same_bits(file.read(1), tensor);
}

// Files that others cut off, write to or delete while they are open: an error or the old values, never a dead process.
TEST_F(Io, AFileThatIsCutOffWhileOpenIsRefused) {
  auto tensor = randn({1'000'000}, at::kFloat);
  ok(write(path("t"), {"x"}, {tensor}));
  for (int32_t type : {HYB_F32, HYB_BF16}) {
    OpenFile file(path("t"));
    for (uint64_t length : {3'000'000, 4096}) {
      std::filesystem::resize_file(path("t"), length);
      refuses(
          HYB_IO, "safetensors_read", [&](auto out) { return hyb_safetensors_read(file.handle, 0, type, HYB_CPU, out); },
          path("t") + ": was cut off at byte " + std::to_string(length));
    }
    ok(write(path("t"), {"x"}, {tensor}));
  }
}

TEST_F(Io, AFileThatIsWrittenToWhileOpenIsRefused) {
  ok(write(path("t"), {"x"}, {randn({1000})}));
  OpenFile file(path("t"));
  file.read(0);
  put(path("t"), contents(path("t")));  // the same bytes: what was read before and after may not belong together
  std::filesystem::last_write_time(path("t"), std::filesystem::last_write_time(path("t")) + std::chrono::seconds(1));
  refuses(
      HYB_IO, "safetensors_read", [&](auto out) { return hyb_safetensors_read(file.handle, 0, HYB_F64, HYB_CPU, out); },
      path("t") + ": was written to");
}

TEST_F(Io, AFileThatIsDeletedWhileOpenIsReadAsItWas) {
  auto tensor = randn({1000});
  ok(write(path("t"), {"x"}, {tensor}));
  OpenFile file(path("t"));
  std::filesystem::remove(path("t"));
  expect_same_bits(file.read(0), tensor);
}

TEST_F(Io, EntriesAreCheckedAgainstTheirNumber) {
  ok(write(path("x"), {"x"}, {randn({2, 3})}));
  OpenFile file(path("x"));
  const char* untouched = "untouched";
  for (int64_t index : {-1, 1}) {
    const char* name = untouched;
    expect_refused(HYB_OUT_OF_RANGE, "safetensors_name", hyb_safetensors_name(file.handle, index, &name), path("x"));
    EXPECT_EQ(name, untouched);
    refuses(
        HYB_OUT_OF_RANGE, "safetensors_read", [&](auto out) { return hyb_safetensors_read(file.handle, index, HYB_F64, HYB_CPU, out); },
        path("x"));
  }
  int32_t dtype = 77, ndim = 77;
  int64_t sizes[2] = {77, 77};
  expect_refused(HYB_BUFFER_TOO_SMALL, "safetensors_entry", hyb_safetensors_entry(file.handle, 0, &dtype, sizes, 1, &ndim), "2");
  expect_refused(HYB_OUT_OF_RANGE, "safetensors_entry", hyb_safetensors_entry(file.handle, 5, &dtype, sizes, 2, &ndim), path("x"));
  EXPECT_EQ(dtype, 77);
  EXPECT_EQ(ndim, 77);
  EXPECT_EQ(sizes[0], 77);
  refuses(
      HYB_INVALID_ARGUMENT, "safetensors_read", [&](auto out) { return hyb_safetensors_read(file.handle, 0, 99, HYB_CPU, out); }, "99");
  refuses(
      HYB_DEVICE, "safetensors_read", [&](auto out) { return hyb_safetensors_read(file.handle, 0, HYB_F64, 99, out); }, "99");
  refuses(
      HYB_INVALID_ARGUMENT, "safetensors_read", [&](auto out) { return hyb_safetensors_read(nullptr, 0, HYB_F64, HYB_CPU, out); }, "file");
}

TEST_F(Io, AnOldFileIsReplacedWhole) {
  ok(write(path("r"), {"long name of the old one"}, {randn({1000})}));
  auto tensor = randn({2});
  OpenFile old(path("r"));  // open while it is replaced
  ok(write(path("r"), {"x"}, {tensor}));
  EXPECT_EQ(old.read(0).size(0), 1000);
  OpenFile file(path("r"));
  EXPECT_EQ(file.count(), 1);
  expect_same_bits(file.read(0), tensor);
  EXPECT_EQ(listing(), std::vector<std::string>{"r"});
}

TEST_F(Io, ARefusedWriteLeavesTheOldFileAndNoOther) {
  ok(write(path("old"), {"x"}, {randn({2})}));
  const auto before = contents(path("old"));
  auto complex = at::zeros({2}, at::kComplexFloat), x = randn({2});
  auto refused = [&](hyb_status status, hyb_status actual, const std::string& mentions) {
    expect_refused(status, "safetensors_write", actual, mentions);
    EXPECT_EQ(contents(path("old")), before);
    EXPECT_EQ(listing(), std::vector<std::string>{"old"});
  };
  refused(HYB_INVALID_ARGUMENT, write(path("old"), {"x", "x"}, {x, x}), "'x'");
  refused(HYB_INVALID_ARGUMENT, write(path("old"), {"x", "x"}, {x, x}), path("old"));
  refused(HYB_INVALID_ARGUMENT, write(path("old"), {"__metadata__"}, {x}), "__metadata__");
  refused(HYB_NOT_IMPLEMENTED, write(path("old"), {"x"}, {complex}), "Complex");
  refused(HYB_INVALID_ARGUMENT, write(path("old"), {"x"}, {at::Tensor()}), "null");
  refused(HYB_INVALID_ARGUMENT, write(path("old"), {"x"}, {at::zeros(std::vector<int64_t>(9, 1))}), "9 dimensions");
  refused(HYB_INVALID_ARGUMENT, write(path("old"), {"\xff"}, {x}), "UTF-8");
  refused(HYB_INVALID_ARGUMENT, write(path("old"), {"x"}, {x}, {{"\xc3", "v"}}), "UTF-8");
  refused(HYB_INVALID_ARGUMENT, write(path("old"), {"x"}, {x}, {{"k", "\xed\xa0\x80"}}), "UTF-8");
  refused(HYB_INVALID_ARGUMENT, write(path("old"), {"x"}, {x}, {{"k", "1"}, {"k", "2"}}), "'k'");
  const char* name = nullptr;
  auto* tensor = lend(x);
  refused(HYB_INVALID_ARGUMENT, hyb_safetensors_write(path("old").c_str(), &name, &tensor, 1, nullptr, nullptr, 0), "name");
  refused(HYB_INVALID_ARGUMENT, hyb_safetensors_write(path("old").c_str(), nullptr, &tensor, 1, nullptr, nullptr, 0), "names");
  name = "x";
  refused(HYB_INVALID_ARGUMENT, hyb_safetensors_write(path("old").c_str(), &name, &tensor, -1, nullptr, nullptr, 0), "negative");
  refused(HYB_INVALID_ARGUMENT, hyb_safetensors_write(path("old").c_str(), &name, &tensor, 1, nullptr, nullptr, -1), "negative");
  refused(HYB_INVALID_ARGUMENT, hyb_safetensors_write(path("old").c_str(), &name, &tensor, 1, nullptr, nullptr, 1), "metadata");
  refused(HYB_INVALID_ARGUMENT, hyb_safetensors_write(nullptr, &name, &tensor, 1, nullptr, nullptr, 0), "path");
}

TEST_F(Io, AWriteThatTheSystemRefusesLeavesNothingBehind) {
  auto x = randn({2});
  expect_refused(HYB_IO, "safetensors_write", write(path("absent/file"), {"x"}, {x}), path("absent/file"));
  // A folder in the place of the file: everything is written, and the last rename fails.
  ASSERT_EQ(mkdir(path("folder").c_str(), 0755), 0);
  put(path("folder/inside"), "kept");
  expect_refused(HYB_IO, "safetensors_write", write(path("folder"), {"x"}, {x}), path("folder"));
  EXPECT_EQ(listing(), std::vector<std::string>{"folder"});
  EXPECT_EQ(contents(path("folder/inside")), "kept");
}

TEST_F(Io, AWriteThatBreaksOffLeavesTheOldFileAndNoOther) {
  ok(write(path("old"), {"x"}, {randn({2})}));
  const auto before = contents(path("old"));
  struct rlimit kept, small;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &kept), 0);
  small = kept;
  small.rlim_cur = 4096;  // no file may grow beyond this: the header fits, the data does not
  auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  auto status = write(path("old"), {"x"}, {randn({10000})});
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &kept), 0);
  std::signal(SIGXFSZ, handler);
  expect_refused(HYB_IO, "safetensors_write", status, path("old"));
  EXPECT_EQ(contents(path("old")), before);
  EXPECT_EQ(listing(), std::vector<std::string>{"old"});
}

TEST_F(Io, TwoWritersOfOneFileDoNotMix) {
  auto writer = [&](double value) {
    auto tensor = at::full({20000}, value, at::kDouble);
    for (int i = 0; i < 20; ++i) EXPECT_EQ(write(path("shared"), {"x"}, {tensor}), HYB_OK) << hyb_last_error();
  };
  std::thread other([&] { writer(1); });
  writer(2);
  other.join();
  auto read = OpenFile(path("shared")).read(0);
  EXPECT_EQ(read.min().item<double>(), read.max().item<double>());
  EXPECT_EQ(listing(), std::vector<std::string>{"shared"});
}

TEST_F(Io, AFolderThatMayNotBeWrittenIsReported) {
  if (geteuid() == 0) GTEST_SKIP() << "the superuser may write everywhere";
  ASSERT_EQ(mkdir(path("locked").c_str(), 0555), 0);
  expect_refused(HYB_IO, "safetensors_write", write(path("locked/f"), {"x"}, {randn({2})}), "Permission denied");
}
