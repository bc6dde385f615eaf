// LineFile: a file to which whole lines are appended, each with one write: a killed process leaves all
// that it wrote before, and perhaps half a line, which the next open cuts off. Not synced: a machine that
// loses power loses the last of them. Any thread. What does not fit the disk is left out.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace everframe::platform_os {

class LineFile {
 public:
  static Result<std::unique_ptr<LineFile>> open(const std::string& path);  // made, if it is not there
  ~LineFile();
  LineFile(const LineFile&) = delete;
  LineFile& operator=(const LineFile&) = delete;

  void append(std::string_view line);  // with its newline

 private:
  explicit LineFile(int file) : file_(file) {}
  const int file_;
};

}  // namespace everframe::platform_os
