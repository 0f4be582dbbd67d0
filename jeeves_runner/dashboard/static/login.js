// A browser hands on to where a form leads what stands behind # in the form's own address: the line of a log
// that was asked for is so found after the login.
for (const form of document.querySelectorAll("form.login")) form.action += location.hash;
