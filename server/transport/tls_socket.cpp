#include "server/transport/tls_socket.hpp"

#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstddef>
#include <new>

#include "protocol/assert.hpp"
#include "server/transport/tls_handles.hpp"

namespace martlet::transport {

namespace {

// Of the connection whose turn it is.
struct CurrentSocket {
    int descriptor = -1;
    // Nothing more until the next event: the last read got less than it had room for.
    bool is_empty = false;
    bool has_ended = false;
};

CurrentSocket& current_of(BIO* bio) {
    return *static_cast<CurrentSocket*>(BIO_get_data(bio));
}

bool is_temporary(int error) {
    return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

int read_socket(BIO* bio, char* into, std::size_t size, std::size_t* count) {
    CurrentSocket& current = current_of(bio);
    BIO_clear_retry_flags(bio);
    if (current.is_empty) {
        BIO_set_retry_read(bio);
        return 0;
    }
    const ssize_t got = ::recv(current.descriptor, into, size, 0);
    if (got > 0) {
        *count = static_cast<std::size_t>(got);
        current.is_empty = *count < size;
        return 1;
    }
    if (got == 0) {
        current.has_ended = true;
    } else if (is_temporary(errno)) {
        BIO_set_retry_read(bio);
    }
    return 0;
}

int write_socket(BIO* bio, const char* data, std::size_t size, std::size_t* count) {
    BIO_clear_retry_flags(bio);
    const ssize_t put = ::send(current_of(bio).descriptor, data, size, MSG_NOSIGNAL);
    if (put >= 0) {
        *count = static_cast<std::size_t>(put);
        return 1;
    }
    if (is_temporary(errno)) {
        BIO_set_retry_write(bio);
    }
    return 0;
}

long control_socket(BIO* bio, int command, long /*number*/, void* /*pointer*/) {
    switch (command) {
        case BIO_CTRL_FLUSH:
            return 1;
        case BIO_CTRL_EOF:
            return current_of(bio).has_ended ? 1 : 0;
        default:
            return 0;
    }
}

const BIO_METHOD* socket_method() {
    static const BIO_METHOD* const method = [] {
        BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "turn");
        if (made == nullptr) {
            throw std::bad_alloc();
        }
        BIO_meth_set_read_ex(made, &read_socket);
        BIO_meth_set_write_ex(made, &write_socket);
        BIO_meth_set_ctrl(made, &control_socket);
        return made;
    }();
    return method;
}

// Some SSL objects may outlive the thread and its socket; they have a turn elsewhere, or none.
struct ThreadSocket {
    CurrentSocket current;
    BioOwner bio{BIO_new(socket_method())};

    ThreadSocket() {
        if (!bio) {
            throw std::bad_alloc();
        }
        BIO_set_data(bio.get(), &current);
        BIO_set_init(bio.get(), 1);
    }
};

ThreadSocket& of_this_thread() {
    thread_local ThreadSocket socket;
    return socket;
}

}  // namespace

TlsTurn::TlsTurn(SSL* ssl, int socket) {
    ThreadSocket& here = of_this_thread();
    MARTLET_DEBUG_ASSERT(here.current.descriptor < 0);
    here.current = {socket, false, false};
    BIO* const bio = here.bio.get();
    if (SSL_get_rbio(ssl) != bio) {
        BIO_up_ref(bio);
        SSL_set0_rbio(ssl, bio);
        BIO_up_ref(bio);
        SSL_set0_wbio(ssl, bio);
    }
}

TlsTurn::~TlsTurn() {
    of_this_thread().current.descriptor = -1;
}

}  // namespace martlet::transport
