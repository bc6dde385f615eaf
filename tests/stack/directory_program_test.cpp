// A program of DIRECTORY_ instructions, with the answers that the specification wants. What would break it: a
// directory that is found by another path than its own, one in a partition that is lost when that is moved.
#include "machine_for_tests.h"

namespace everframe::stack {
namespace {

using store::ByteString;
using store::Element;
using store::Integer;
using store::Tuple;

// Writes a program, one instruction a row.
class Writer {
 public:
  Writer& push(Element value) { return row({std::string("PUSH"), std::move(value)}); }
  Writer& bytes(std::string text) { return push(ByteString{std::move(text)}); }
  Writer& number(std::uint64_t value) { return push(Integer(value)); }
  // Pushed so that popping finds the count, then the names in order.
  Writer& path(const std::vector<std::string>& names) {
    for (auto name = names.rbegin(); name != names.rend(); ++name) push(*name);
    return number(names.size());
  }
  Writer& op(std::string name) { return row({std::move(name)}); }
  Rows rows() const { return rows_; }
  static constexpr const char* PREFIX = "program";

 private:
  Writer& row(Tuple instruction) {
    const std::string key =
        std::move(store::TuplePacker().bytes(PREFIX).integer(Integer(rows_.size()))).key();
    rows_[key] = store::pack(instruction);
    return *this;
  }
  Rows rows_;
};

Tuple names(const std::vector<std::string>& list) {
  return Tuple(list.begin(), list.end());
}

class DirectoryProgram : public MachineTest {
 protected:
  // What the program leaves on its stack, the bottom first.
  std::vector<Element> run(Writer program) {
    program.bytes("log").op("LOG_STACK");
    const auto database = store::open_engine("directory program");
    load(*database, program.rows());
    EXPECT_TRUE(run_program(*database, "directories", Writer::PREFIX));
    after_ = all(*database);
    empty(*database);
    std::vector<Element> out;
    for (const auto& [key, value] : after_) {
      if (!key.starts_with("log")) continue;
      const auto tuple = store::unpack(value);
      EXPECT_TRUE(tuple && tuple->size() == 1);
      out.push_back(tuple->front());
    }
    return out;
  }
  Rows after_;
};

const Element ERROR = ByteString{"DIRECTORY_ERROR"};

TEST_F(DirectoryProgram, DirectoriesAreMadeFoundMovedAndRemoved) {
  Writer p;
  p.op("NEW_TRANSACTION");
  p.push(store::Null()).path({"a", "b"}).op("DIRECTORY_CREATE_OR_OPEN");  // 1
  p.bytes("other").path({"a", "b"}).op("DIRECTORY_OPEN");                 // 2: none
  p.number(2).op("DIRECTORY_SET_ERROR_INDEX");
  p.path({"a", "b"}).number(1).op("DIRECTORY_EXISTS");
  p.path({"c"}).path({"a", "b"}).op("DIRECTORY_MOVE");  // 3
  p.path({"a", "b"}).number(1).op("DIRECTORY_EXISTS");
  p.number(0).op("DIRECTORY_LIST");
  p.number(3).op("DIRECTORY_CHANGE");
  p.bytes("dir").op("DIRECTORY_LOG_DIRECTORY");
  p.bytes("sub").op("DIRECTORY_LOG_SUBSPACE");
  p.number(0).op("DIRECTORY_EXISTS");
  p.number(0).op("DIRECTORY_REMOVE");
  p.number(0).op("DIRECTORY_REMOVE");
  p.op("COMMIT").op("WAIT_FUTURE");
  const std::vector<Element> expected{ERROR,
                                      Integer(1),
                                      Integer(0),
                                      ByteString{store::pack(names({"a", "c"}))},
                                      Integer(1),
                                      ERROR,
                                      ByteString{"RESULT_NOT_PRESENT"}};
  EXPECT_EQ(run(std::move(p)), expected);
  const store::Subspace log = store::Subspace("dir")[Integer(3)];
  EXPECT_EQ(after_[log[std::string("path")].key()], store::pack(names({"c"})));
  EXPECT_EQ(after_[log[std::string("exists")].key()], store::pack({Integer(1)}));
  EXPECT_EQ(after_[log[std::string("children")].key()], "");
  EXPECT_FALSE(after_[std::move(store::TuplePacker("sub").integer(Integer(3))).key()].empty());
}

// The object of a directory in a partition goes on working when the partition is moved; its path does not.
TEST_F(DirectoryProgram, ADirectoryInAPartitionFollowsThePartition) {
  Writer p;
  p.op("NEW_TRANSACTION");
  p.bytes("partition").path({"p"}).op("DIRECTORY_CREATE_OR_OPEN");  // 1
  p.bytes("").path({"p", "a"}).op("DIRECTORY_CREATE_OR_OPEN");      // 2
  p.path({"q"}).path({"p"}).op("DIRECTORY_MOVE");                   // 3
  p.number(2).op("DIRECTORY_CHANGE");
  p.number(0).op("DIRECTORY_EXISTS");
  p.bytes("").path({"b"}).op("DIRECTORY_CREATE_OR_OPEN");  // 4: beneath it
  p.path({"elsewhere"}).op("DIRECTORY_MOVE_TO");           // 5: another partition
  p.number(1).op("DIRECTORY_CHANGE");
  p.number(0).op("DIRECTORY_EXISTS");
  p.number(0).op("DIRECTORY_LIST");
  p.number(0).op("DIRECTORY_PACK_KEY");  // a partition has no keys
  p.number(0).op("DIRECTORY_CHANGE");
  p.path({"q", "a"}).number(1).op("DIRECTORY_LIST");
  const std::vector<Element> expected{Integer(1), ERROR,
                                      Integer(0), ByteString{store::pack(names({"a"}))},
                                      ERROR,      ByteString{store::pack(names({"b"}))}};
  EXPECT_EQ(run(std::move(p)), expected);
}

TEST_F(DirectoryProgram, SubspacesAndLayersOfTheProgramsOwn) {
  Writer p;
  p.op("NEW_TRANSACTION");
  p.bytes("nodes").path({}).op("DIRECTORY_CREATE_SUBSPACE");        // 1
  p.bytes("contents").path({"x"}).op("DIRECTORY_CREATE_SUBSPACE");  // 2
  p.number(1).number(2).number(1).op("DIRECTORY_CREATE_LAYER");     // 3
  p.number(3).op("DIRECTORY_CHANGE");
  p.bytes("by hand").bytes("").path({"a"}).op("DIRECTORY_CREATE");  // 4
  p.number(4).op("DIRECTORY_CHANGE");
  p.path({"row"}).op("DIRECTORY_PACK_KEY");
  p.op("DUP").op("DIRECTORY_CONTAINS");
  p.path({"row"}).op("DIRECTORY_PACK_KEY").op("DIRECTORY_UNPACK_KEY");
  p.bytes("by hand/rest").op("DIRECTORY_STRIP_PREFIX");
  p.bytes("elsewhere").op("DIRECTORY_STRIP_PREFIX");
  p.path({"deep"}).op("DIRECTORY_OPEN_SUBSPACE");  // 5
  p.number(5).op("DIRECTORY_CHANGE");
  p.number(0).op("DIRECTORY_RANGE");
  const std::string deep = store::Subspace("by hand").pack({std::string("deep")});
  const std::vector<Element> expected{ByteString{store::Subspace("by hand").pack({std::string("row")})},
                                      Integer(1),
                                      std::string("row"),
                                      ByteString{"/rest"},
                                      ERROR,
                                      ByteString{deep + '\0'},
                                      ByteString{deep + '\xff'}};
  auto found = run(std::move(p));
  EXPECT_EQ(found, expected);
}

}  // namespace
}  // namespace everframe::stack
