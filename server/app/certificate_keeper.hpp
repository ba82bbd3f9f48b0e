// Sees to the certificates of a running broker: has them read again when their files change, and
// warns in time before they run out.
//
// Ownership: borrows the logger and the transport. Threading: the main thread only.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>

#include "server/admin/sys_topics.hpp"
#include "server/app/config.hpp"
#include "server/app/file_watch.hpp"
#include "server/app/logging.hpp"
#include "server/transport/transport.hpp"

namespace martlet::app {

class CertificateKeeper {
public:
    CertificateKeeper(boost::asio::io_context& io, Logger& logger, transport::Transport& transport);

    // Before their files are read. With a mistake in them: again, with the configuration that goes
    // on.
    void watch(const Config& config);
    // They have been read and are in use: what is odd about them is said, now and each day.
    void take_over(const Config& config);
    // What $SYS tells of them.
    void describe(admin::SysFacts& facts);

private:
    void reload();
    void tell();
    void schedule();

    Logger& logger_;
    transport::Transport& transport_;
    FileWatch watch_;
    boost::asio::steady_timer daily_;
    Config config_;
};

}  // namespace martlet::app
